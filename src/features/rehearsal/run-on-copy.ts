import { setTimeout as wait } from 'node:timers/promises';
import type { UntouchedProof } from '../../domain/rehearsal.js';
import { type Reporter, silentReporter } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import {
  countSessionsOf,
  endSessionsOf,
  type OuterEvidence,
  readOuterEvidence,
} from '../../postgres/rehearsal/target-evidence.js';
import type { Session } from '../../postgres/session.js';
import type { ConnectionSettings } from '../../postgres/settings.js';
import { requireCommand } from '../../process/run-command.js';
import { type IsolatedEnd, newMarker, runIsolated } from '../../process/run-isolated.js';
import type { Target } from '../target/open-target.js';
import { findHardcoded, type HardcodedAddress } from './find-hardcoded.js';
import { redirectEnvironment } from './redirect-environment.js';
import { startWatch } from './watch-target.js';

/** The copy that a command is run on. */
export interface CommandCopy {
  /** A session on the maintenance database of the copy's server, which may be another than the target's. */
  readonly admin: Session;
  readonly settings: ConnectionSettings;
  readonly database: string;
}

/** How a command is run on a copy. */
export interface CommandOptions {
  /** Default: the target's. */
  readonly cwd?: string | undefined;
  /** Where the command's stdout goes; default "stdout". */
  readonly commandStdout?: 'stdout' | 'stderr' | undefined;
  readonly timeoutMs?: number | undefined;
  /** Between asking it to end and killing it; default 5 s. */
  readonly graceMs?: number | undefined;
  /** More variables that get the copy's URL. */
  readonly urlVariables?: readonly string[] | undefined;
  /** Run it although an address of the target stands in its files. */
  readonly allowHardcoded?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly reporter?: Reporter | undefined;
}

/** What became of a command on a copy. */
export interface CommandRun extends IsolatedEnd {
  /** Names of the variables that led it to the copy. */
  readonly variables: readonly string[];
  readonly untouched: UntouchedProof;
  /** Sessions that the command began in the copy; null: the server does not tell. Zero: it worked elsewhere. */
  readonly copySessions: number | null;
  /** Sessions that stayed in the copy after its end and were ended. */
  readonly endedSessions: number;
  /** What was noticed beside, a sentence each. */
  readonly notes: readonly string[];
}

const sessionWaitMs = 5_000;

/**
 * Runs a command on a copy of the target, and proves afterwards that the target itself was left alone. The command
 * finds the copy where it would find the target: in its environment and in the variables of `.env` files.
 *
 * @throws BelayError TOOL_MISSING and COMMAND_NOT_ISOLATED before anything is run; INTERRUPTED, TERMINATED
 */
export async function runOnCopy(
  target: Target,
  copy: CommandCopy,
  command: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<CommandRun> {
  const { cwd = target.cwd, reporter = silentReporter } = options;
  const ready = await prepareCommand(target, copy, command, options);
  const marker = newMarker();
  const applicationName = `belay-rehearsal-${marker}`;
  const before = await readOuterEvidence(copy.admin, copy.database);
  const watch = await startWatch(target, { applicationName });
  try {
    const end = await runIsolated(command, {
      ...{ cwd, env: { ...ready.env, PGAPPNAME: applicationName }, marker },
      stdout: options.commandStdout ?? 'stdout',
      ...{ timeoutMs: options.timeoutMs, graceMs: options.graceMs, signal: options.signal },
      onStart: (processes) => watch.follow(processes),
    });
    const endedSessions = await endSessions(copy);
    const untouched = await watch.finish();
    if (untouched.status === 'touched') {
      reporter({ type: 'warning', message: 'the real target was touched while the command ran' });
    }
    const after = await readOuterEvidence(copy.admin, copy.database);
    const copySessions = begunBetween(before, after);
    const run = { ...end, variables: ready.variables, untouched, copySessions, endedSessions };
    return { ...run, notes: notesOf(run, watch.serverChanges) };
  } catch (error) {
    await watch.cancel().catch(() => {});
    // A statement that runs goes on without its client, and would keep the copy from being dropped.
    await endSessionsOf(copy.admin, copy.database).catch(() => {});
    throw error;
  }
}

/**
 * Refuses what can be refused before there is a copy: a command that is not there, and one that would use the target
 * whatever its environment says.
 * @throws BelayError TOOL_MISSING, COMMAND_NOT_ISOLATED
 */
export async function checkCommand(
  target: Target,
  command: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<void> {
  // Any other database will do: what the command would find there does not matter yet.
  const copy = { settings: target.settings, database: `${target.database} copy` };
  await prepareCommand(target, copy, command, options);
}

async function prepareCommand(
  target: Target,
  copy: Pick<CommandCopy, 'settings' | 'database'>,
  command: readonly [string, ...string[]],
  { cwd = target.cwd, urlVariables, allowHardcoded }: CommandOptions,
) {
  const { env } = target;
  await requireCommand(command[0], { cwd, env });
  const ready = await redirectEnvironment({ target, copy, cwd, env, urlVariables });
  if (allowHardcoded) return ready;
  const findings = await findHardcoded({ cwd, command, target, env: ready.env });
  if (findings.length > 0) throw notIsolated(target.database, findings);
  return ready;
}

function notIsolated(database: string, findings: readonly HardcodedAddress[]): BelayError {
  const [first] = findings;
  const where = first?.file == null ? 'the command itself' : `${first.file}:${first.line}`;
  const more = findings.length > 1 ? ` and ${findings.length - 1} more` : '';
  return new BelayError(
    'COMMAND_NOT_ISOLATED',
    `the command would use the real database "${database}": its address stands in ${where} (${first?.what})${more}`,
    {
      hint: 'Let it read the address from a variable, e.g. DATABASE_URL. If it does not use what was found, pass --allow-hardcoded.',
      details: { findings },
    },
  );
}

/** Sessions end a moment after their program. What stays is of something that has gone on working. */
async function endSessions({ admin, database }: CommandCopy): Promise<number> {
  const until = performance.now() + sessionWaitMs;
  while ((await countSessionsOf(admin, database)) > 0) {
    if (performance.now() >= until) return endSessionsOf(admin, database);
    await wait(25);
  }
  return 0;
}

/** Null where it is another database by now, as after a reset by drop and create, or the counts are lost. */
function begunBetween(before: OuterEvidence, after: OuterEvidence): number | null {
  const isSame = before.oid === after.oid && before.statistics === after.statistics;
  if (!isSame || before.sessions === null || after.sessions === null) return null;
  return Math.max(0, Number(BigInt(after.sessions) - BigInt(before.sessions)));
}

function notesOf(
  run: Pick<CommandRun, 'leftBehind' | 'survivors' | 'copySessions' | 'endedSessions'>,
  serverChanges: readonly string[],
): string[] {
  const { leftBehind, survivors, copySessions, endedSessions } = run;
  return [
    ...(leftBehind > 0
      ? [`The command left ${count(leftBehind, 'process', 'processes')} running; ended.`]
      : []),
    ...(survivors.length > 0
      ? [`Processes of the command could not be ended: ${survivors.join(', ')}.`]
      : []),
    ...(endedSessions > 0
      ? [`${count(endedSessions, 'session', 'sessions')} stayed in the copy after its end; ended.`]
      : []),
    ...(copySessions === 0
      ? ['The command never connected to the copy: it works on another database, or on none.']
      : []),
    ...serverChanges.map((change) => `Shared by all databases of the server, ${change}.`),
  ];
}

const count = (number: number, one: string, many: string) =>
  `${number} ${number === 1 ? one : many}`;
