import type { Command } from 'commander';
import type { MovedArchive } from '../../index.js';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import { archiveIn, describeArchive } from '../output/describe-snapshot.js';
import { formatBytes } from '../output/format.js';
import { type ArchiveFlags, addArchiveOptions, toArchiveOptions } from './archive-options.js';
import { collect, wholeNumber } from './arguments.js';

/** Push, pull, export and import: archives between stores, servers and files. */
export function addMoveCommands(program: Command, bind: Bind): void {
  addPushCommand(program, bind);
  addPullCommand(program, bind);
  addExportCommand(program, bind);
  addImportCommand(program, bind);
}

function addPushCommand(program: Command, bind: Bind): void {
  const command = program
    .command('push')
    .description('put a snapshot into a store: its archive is copied, or made from its clone')
    .argument('<ref>', 'tag, id, "latest", "~1" or "@2026-11-20T14:30"')
    .option('--to <store>', 'folder or s3://bucket/prefix (default: the target’s own store)');
  addArchiveOptions(command).action(
    bind<[string], ArchiveFlags & { to?: string }>(async (context, options, reference) => {
      const { checkArchiveOptions, parseDuration } = await import('../../index.js');
      const archive = toArchiveOptions(options, parseDuration);
      await checkArchiveOptions(archive, false);
      const moved = await context.withTarget('push', (target, library) =>
        library.pushSnapshot(target, {
          ...context.work(library),
          ...{ ...archive, reference, to: options.to },
        }),
      );
      printMoved(context, moved, 'pushed');
    }),
  );
}

interface PullOptions {
  readonly from?: string;
  readonly database?: string;
  readonly tag?: string;
}

function addPullCommand(program: Command, bind: Bind): void {
  program
    .command('pull')
    .description('take an archive of another store or server into this database’s timeline')
    .argument('<ref>', 'tag or id of the archive')
    .option('--from <store>', 'folder or s3://bucket/prefix (default: the target’s own store)')
    .option('--database <name>', 'database that it is an archive of (default: the target’s name)')
    .option('--tag <tag>', 'its tag here')
    .action(
      bind<[string], PullOptions>(async (context, { from, database, tag }, reference) => {
        const moved = await context.withTarget('pull', (target, library) =>
          library.pullSnapshot(target, {
            ...context.work(library),
            ...{ reference, from, database, tag },
          }),
        );
        printMoved(context, moved, 'pulled');
      }),
    );
}

function addExportCommand(program: Command, bind: Bind): void {
  program
    .command('export')
    .description('write a snapshot to a file that pg_restore reads')
    .argument('<ref>', 'tag, id, "latest", "~1" or "@2026-11-20T14:30"')
    .argument('<file>', 'new file')
    .option('--identity <file>', 'age secret key, for an encrypted archive')
    .action(
      bind<[string, string], { identity?: string }>(
        async (context, { identity: identityFile }, reference, file) => {
          const result = await context.withTarget('export', (target, library) =>
            library.exportSnapshot(target, {
              ...context.work(library),
              ...{ reference, file, identityFile },
            }),
          );
          context.print(
            result,
            () =>
              `${context.style.green('✔')} ${result.snapshot.tag} is in ${result.file} (${formatBytes(result.sizeBytes)})\n${context.style.dim(`  restore it anywhere: pg_restore --dbname=DATABASE ${result.file}`)}`,
          );
        },
      ),
    );
}

interface ImportOptions {
  readonly tag: string;
  readonly description?: string;
  readonly drillServer?: string;
  readonly lockDays?: number;
  readonly encryptTo?: string[];
}

function addImportCommand(program: Command, bind: Bind): void {
  program
    .command('import')
    .description('take a file of pg_dump -Fc into the store as a snapshot')
    .argument('<file>', 'file in pg_dump’s custom format')
    .requiredOption('--tag <tag>', 'its name')
    .option('-d, --description <text>', 'what this state is')
    .option('--drill-server <url>', 'restore it there to look, not into a private server')
    .option('--lock-days <days>', 'nobody can delete it for so many days', wholeNumber)
    .option('--encrypt-to <recipient>', 'age recipient (age1…); may be given again', collect)
    .action(
      bind<[string], ImportOptions>(async (context, options, file) => {
        const { validateTag } = await import('../../index.js');
        validateTag(options.tag);
        const { tag, description, drillServer, lockDays, encryptTo } = options;
        const moved = await context.withTarget('import', (target, library) =>
          library.importArchive(target, {
            ...context.work(library),
            ...{ file, tag, description, drillServer, lockDays, encryptTo },
          }),
        );
        printMoved(context, moved, 'imported');
      }),
    );
}

function printMoved(context: CommandContext, moved: MovedArchive, done: string): void {
  const { snapshot, store, copied } = moved;
  const archive = archiveIn(snapshot);
  const what = archive ? describeArchive(archive) : '';
  context.print(moved, () =>
    copied
      ? `${context.style.green('✔')} ${done} ${context.style.bold(snapshot.tag)}: ${what}\n${context.style.dim(`  in ${store}`)}`
      : `${context.style.bold(snapshot.tag)} is in ${store} already: ${what}`,
  );
}
