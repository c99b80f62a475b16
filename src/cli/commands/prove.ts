import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { describeDifferences } from '../output/describe-checkpoint.js';
import { formatDuration, plural } from '../output/format.js';

/** Exit code of a proof that failed. */
const proofFailed = 7;

interface DrillFlags {
  readonly deep?: boolean;
  readonly drillServer?: string;
  readonly identity?: string;
}

/** Drill and verify: whether an archive restores, and whether it is still what was sealed. */
export function addProofCommands(program: Command, bind: Bind): void {
  program
    .command('drill')
    .description('restore an archive into a throwaway server and compare it with what was sealed')
    .argument('<ref>', 'tag or id of the archive')
    .option('--deep', 'also compare a hash of every row, where the archive has them')
    .option('--drill-server <url>', 'restore into a scratch database there')
    .option('--identity <file>', 'age secret key, for an encrypted archive')
    .action(
      bind<[string], DrillFlags>(async (context, flags, reference) => {
        const { deep, drillServer, identity: identityFile } = flags;
        const result = await context.withTarget('drill', (target, library) =>
          library.drillSnapshot(target, {
            ...context.work(library),
            ...{ reference, deep, drillServer, identityFile },
          }),
        );
        const { style } = context;
        context.print(result, () =>
          result.ok
            ? `${style.green('✔')} ${style.bold(result.snapshot.tag)} is proven: restored and compared in ${formatDuration(result.durationMs)}`
            : [
                `${style.red('✘')} ${style.bold(result.snapshot.tag)} is NOT proven`,
                ...describeDifferences(style, result.differences),
              ].join('\n'),
        );
        if (!result.ok) context.exitWith(proofFailed);
      }),
    );
  program
    .command('verify')
    .description('hash archives again as they lie in the store, and check the ledger')
    .argument('[ref]', 'only this one')
    .action(
      bind<[string | undefined], object>(async (context, _options, reference) => {
        const result = await context.withTarget('verify', (target, library) =>
          library.verifyArchives(target, { ...context.work(library), reference }),
        );
        const { style } = context;
        const { ok, checked, broken } = result;
        context.print(result, () =>
          ok
            ? `${style.green('✔')} ${plural(checked, 'archive')} hashed: all as sealed`
            : [
                `${style.red('✘')} ${plural(broken.length, 'broken seal')}, ${plural(checked, 'archive')} hashed`,
                ...broken.map(({ what, name, why }) => `  ${what} ${style.bold(name)}: ${why}`),
              ].join('\n'),
        );
        if (!ok) context.exitWith(proofFailed);
      }),
    );
}
