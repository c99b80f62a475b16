import { type Command, Option } from 'commander';
import type { SessionPolicy } from '../../index.js';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import { describeRestore } from '../output/describe-restore.js';
import {
  describePromotion,
  describeShadow,
  describeShadowStatus,
  describeSync,
} from '../output/describe-shadow.js';
import { collect, wholeNumber } from './arguments.js';
import { allowProductionOption, sessionsOption, sessionsWaitOption } from './options.js';
import { commandWords, readAll } from './run-words.js';
import { sessionPolicy } from './settings.js';

interface CreateOptions {
  readonly method?: 'auto' | 'clone' | 'copy';
  readonly replication?: 'auto' | 'logical' | 'scan';
  readonly jobs?: number;
  readonly timeout?: string;
  readonly env?: string[];
  readonly allowHardcoded?: boolean;
  readonly sessions?: SessionPolicy;
}

interface SyncOptions {
  readonly afterSync?: string;
  readonly verify?: boolean;
}

interface PromoteOptions {
  readonly undo?: boolean;
  readonly sessions?: SessionPolicy;
  readonly maxOutage?: string;
  readonly afterSync?: string;
  readonly acceptUntransformed?: boolean;
  readonly allowProduction?: string;
}

export function addShadowCommand(program: Command, bind: Bind): void {
  const shadow = program
    .command('shadow')
    .description('a copy beside the target with a migration applied, kept in step, and promoted');
  addCreate(shadow, bind);
  addSync(shadow, bind);
  addStatus(shadow, bind);
  addPromote(shadow, bind);
  addAbort(shadow, bind);
}

function addCreate(shadow: Command, bind: Bind): void {
  shadow
    .command('create')
    .description('copy the target, and apply a migration to the copy')
    .usage('[options] [INPUT…]  or  [options] -- COMMAND [ARGUMENTS…]')
    .argument(
      '[input...]',
      'files of SQL, a folder of migrations, OLD.sql:NEW.sql, or - (default: what is pending); or a command behind "--"',
    )
    .addOption(
      new Option(
        '--method <method>',
        'clone (needs the target without sessions for an instant), or copy table by table',
      ).choices(['auto', 'clone', 'copy']),
    )
    .addOption(
      new Option('--replication <how>', 'how changes are found: in the WAL, or by scans').choices([
        ...['auto', 'logical', 'scan'],
      ]),
    )
    .option('--jobs <n>', 'tables that are copied at a time', wholeNumber)
    .option('--timeout <duration>', 'how long the migration may take (default: no limit)')
    .option(
      '--env <name>',
      'a variable more from which the command reads its database; may be given again',
      collect,
    )
    .option('--allow-hardcoded', 'run it although the target’s address is written in a file')
    .addOption(sessionsOption())
    .addOption(sessionsWaitOption())
    .action(bind<[string[]], CreateOptions>(create));
}

async function create(
  context: CommandContext,
  options: CreateOptions,
  words: readonly string[],
): Promise<void> {
  const { parseDuration } = await import('../../index.js');
  const { command, inputs } = commandWords(context, words);
  const { timeout, env: urlVariables, sessions, ...rest } = options;
  const order = {
    ...{ ...rest, command, urlVariables, sessions: await sessionPolicy(context, sessions) },
    inputs: inputs.includes('-') ? { stdin: await readAll(context) } : inputs,
    timeoutMs: timeout === undefined ? undefined : parseDuration(timeout),
    commandStdout: context.json ? ('stderr' as const) : ('stdout' as const),
  };
  const made = await context.withTarget('shadow create', (target, library) =>
    library.createShadow(target, { ...context.work(library), ...order }),
  );
  context.print(made, () => describeShadow(context.style, made));
}

function addSync(shadow: Command, bind: Bind): void {
  shadow
    .command('sync')
    .description('bring over what has changed in the target since')
    .option(
      '--after-sync <file>',
      'SQL that does to the new rows what the migration did to the old',
    )
    .option('--verify', 'scan all tables, and compare their rows by number')
    .action(
      bind<[], SyncOptions>(async (context, { afterSync, verify }) => {
        const result = await context.withTarget('shadow sync', (target, library) =>
          library.syncShadow(target, {
            ...context.work(library),
            ...{ afterSync, isVerified: verify },
          }),
        );
        context.print(result, () => describeSync(context.style, result));
      }),
    );
}

function addStatus(shadow: Command, bind: Bind): void {
  shadow
    .command('status')
    .description('schema, rows and lag of the shadow beside the target')
    .option('--probe <file>', 'queries of the application, run on both, and compared')
    .action(
      bind<[], { probe?: string }>(async (context, { probe }) => {
        const status = await context.withTarget('shadow status', (target, library) =>
          library.shadowStatus(target, { ...context.work(library), probes: probe }),
        );
        context.print(status, () => describeShadowStatus(context.style, status));
      }),
    );
}

function addPromote(shadow: Command, bind: Bind): void {
  shadow
    .command('promote')
    .description('put the shadow into the target’s place; what was there is kept')
    .option('--undo', 'take the last promote back')
    .option('--max-outage <duration>', 'how long writers may be held off (5s)')
    .option(
      '--after-sync <file>',
      'SQL that does to the new rows what the migration did to the old',
    )
    .option('--accept-untransformed', 'promote although rows lack what the migration did')
    .addOption(sessionsOption())
    .addOption(sessionsWaitOption())
    .addOption(allowProductionOption())
    .action(bind<[], PromoteOptions>(promote));
}

async function promote(context: CommandContext, options: PromoteOptions): Promise<void> {
  const { BelayError, parseDuration } = await import('../../index.js');
  const { undo, maxOutage, afterSync, acceptUntransformed, allowProduction } = options;
  const sessions = await sessionPolicy(context, options.sessions);
  if (undo) {
    if (maxOutage ?? afterSync ?? acceptUntransformed) {
      throw new BelayError('USAGE', '--undo takes back a promote, and syncs nothing', {
        hint: 'Leave --max-outage, --after-sync and --accept-untransformed out.',
      });
    }
    const undone = await context.withTarget('shadow promote --undo', (target, library) =>
      library.undoPromote(target, { ...context.work(library), sessions, allowProduction }),
    );
    context.print(undone, () => describeRestore(context.style, undone));
    return;
  }
  const promoted = await context.withTarget('shadow promote', (target, library) =>
    library.promoteShadow(target, {
      ...context.work(library),
      ...{ sessions, afterSync, acceptUntransformed, allowProduction },
      maxOutageMs: maxOutage === undefined ? undefined : parseDuration(maxOutage),
    }),
  );
  context.print(promoted, () => describePromotion(context.style, promoted));
}

function addAbort(shadow: Command, bind: Bind): void {
  shadow
    .command('abort')
    .description('remove the shadow, and what it has set up; the target stays as it is')
    .addOption(sessionsOption())
    .action(
      bind<[], { sessions?: SessionPolicy }>(async (context, options) => {
        const sessions = await sessionPolicy(context, options.sessions);
        const aborted = await context.withTarget('shadow abort', (target, library) =>
          library.abortShadow(target, { ...context.work(library), sessions }),
        );
        context.print(aborted, () =>
          [
            `removed ${aborted.database ?? 'what was left of a shadow'}`,
            ...aborted.removed.map((what) => `  ${what}`),
            aborted.unchanged
              ? 'the target is as it was'
              : 'the target’s schema has changed since the shadow was made, by others',
          ].join('\n'),
        );
      }),
    );
}
