import type { Command } from 'commander';
import type { Store } from '../../index.js';
import type { Bind } from '../bind.js';
import type { CommandContext, Library } from '../context.js';
import { describeLedger, describeLedgerVerification } from '../output/describe-ledger.js';
import { wholeNumber } from './arguments.js';

export function addLedgerCommand(program: Command, bind: Bind): void {
  const ledger = program
    .command('ledger')
    .description('show what was done: checkpoints, drills, restores, deletions, refusals')
    .option('-n, --limit <count>', 'only the newest so many', wholeNumber)
    .action(
      bind<[], { limit?: number }>(async (context, { limit }) => {
        const page = await withStore(context, (store, { readLedger }, signal) =>
          readLedger(store, { limit, signal }),
        );
        context.print(page, () => describeLedger(context.style, page));
      }),
    );
  ledger
    .command('verify')
    .description('prove that no entry was edited, deleted or moved')
    .option('--head <sha256>', 'an entry that was noted elsewhere must be there')
    .action(
      bind<[], { head?: string }>(async (context, { head }) => {
        const result = await withStore(context, (store, { verifyLedger }, signal) =>
          verifyLedger(store, { expectedHead: head, signal }),
        );
        context.print(result, () => describeLedgerVerification(context.style, result));
        if (!result.ok) context.exitWith(7);
      }),
    );
}

/** Needs no database: only what is in the store. */
async function withStore<T>(
  context: CommandContext,
  read: (store: Store, library: Library, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const library = await import('../../index.js');
  const { cwd, env } = context.io;
  const store = await library.openConfiguredStore({ store: context.options.store, cwd, env });
  try {
    return await read(store, library, context.io.signal);
  } finally {
    await store.close();
  }
}
