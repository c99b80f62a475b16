import type { DeletionLoss } from '../../index.js';
import type { CommandContext } from '../context.js';
import { formatBytes, plural } from '../output/format.js';

/** Names the loss and asks on a terminal; elsewhere only `--yes` is an answer. */
export async function confirmDeletion(
  context: CommandContext,
  loss: DeletionLoss,
): Promise<boolean> {
  if (context.options.yes) return true;
  if (!context.isInteractive) return false;
  context.progress.stop();
  const { confirm, isCancel } = await import('@clack/prompts');
  const { stderr, stdin } = context.io;
  const answer = await confirm({
    message: question(loss),
    initialValue: false,
    input: stdin as NodeJS.ReadStream,
    output: stderr as NodeJS.WriteStream,
    signal: context.io.signal,
  });
  if (isCancel(answer)) {
    const { BelayError } = await import('../../index.js');
    throw new BelayError('INTERRUPTED', 'interrupted: nothing was deleted');
  }
  return answer;
}

function question(loss: DeletionLoss): string {
  const rows = loss.rows === null ? 'rows that were never counted' : plural(loss.rows, 'row');
  const tags = loss.snapshots.map(({ tag }) => `"${tag}"`).join(', ');
  const more = loss.consequences.map((consequence) => ` — ${consequence}`).join('');
  return `Delete ${tags} with ${rows} (${formatBytes(loss.sizeBytes)}) for good?${more}`;
}
