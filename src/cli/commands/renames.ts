import type { Rename, RenameCandidate } from '../../index.js';
import type { CommandContext } from '../context.js';
import { confirmRename } from './confirm.js';

/** What `--rename` was given. @throws BelayError USAGE */
export async function parseRenames(
  texts: readonly string[],
): Promise<{ from: string; to: string }[]> {
  const { BelayError } = await import('../../index.js');
  return texts.map((text) => {
    const [from, to, more] = text.split('=');
    if (from && to && more === undefined) return { from, to };
    throw new BelayError('USAGE', `--rename ${text}: expected old=new`, {
      hint: 'Names are as in the list of changes, e.g. public.users.name=public.users.full_name.',
    });
  });
}

/** Asks of each pair that looks like a rename whether it is one. */
export async function askRenames(
  context: CommandContext,
  candidates: readonly RenameCandidate[],
): Promise<Rename[]> {
  const renames: Rename[] = [];
  for (const { object, from, to } of candidates) {
    if (await confirmRename(context, { object, from, to })) renames.push({ object, from, to });
  }
  return renames;
}
