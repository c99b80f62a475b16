import { setTimeout } from 'node:timers/promises';
import type { MigrationScript } from '../domain/migration.js';
import { type RunOptions, silentReporter } from '../domain/reporter.js';
import { BelayError } from '../errors.js';
import { checkScript, isConcurrent } from './check-script.js';
import type { Statement } from './parse-sql.js';
import { sqlStateOf } from './pg-error.js';
import { type ScriptPlace, scriptFailure } from './script-failure.js';
import { quoteIdentifier, type Session } from './session.js';

export interface RunScriptOptions extends RunOptions {
  /** How long a statement may wait for a lock, with everything that queues behind it; default 5 s. */
  readonly lockTimeoutMs?: number | undefined;
  /** Before the second attempt; doubled before each further one. Default 200 ms. */
  readonly firstPauseMs?: number | undefined;
  /**
   * Part of the script's transaction, after its last statement and under Belay's own settings. Of a script without a
   * transaction it is one of its own, at the end. Called again where the transaction is tried again.
   */
  readonly beforeCommit?: (() => Promise<unknown>) | undefined;
  /** What is done around the statements, in their transaction. */
  readonly hooks?: ScriptHooks | undefined;
  /** The script's statements, where its caller has read them or wants others in their place. */
  readonly statements?: readonly Statement[] | undefined;
}

/**
 * Called in the transaction of the script, at each attempt anew, under the settings that the script has made: use
 * `withBelaySettings`. Whatever they throw ends the script as a failed statement would.
 */
export interface ScriptHooks {
  /** Right after BEGIN of a script that is one transaction. */
  afterBegin?(): Promise<void>;
  /** Whether this statement needs a transaction of its own in a script without one: its hooks write what belongs to it. */
  needsTransaction?(statement: Statement, index: number): boolean;
  /** @param index of the statement in the script, from 0 */
  before?(statement: Statement, index: number): Promise<void>;
  /**
   * Runs the statement in place of the script's runner, where it needs more than its text, e.g. data for COPY. Gives the number of rows
   * as `Session.run` does; undefined: it is a statement like any other.
   */
  run?(statement: Statement, index: number): Promise<number | null> | undefined;
  /** @param rowCount as the server tells of UPDATE, DELETE and the like; null of others */
  after?(statement: Statement, index: number, rowCount: number | null): Promise<void>;
  /** At the end of each transaction that the script is given, when its deferred constraints and triggers are done. */
  beforeCommit?(): Promise<void>;
}

/** What a script was run with. */
export interface ScriptRun {
  readonly statements: number;
  /** 1 where nothing had to be tried again. */
  readonly attempts: number;
}

const defaultLockTimeoutMs = 5_000;
const mostAttempts = 6;
const defaultFirstPauseMs = 200;

/** Lock timeout, deadlock, serialization failure: they pass when others are done. */
const passing = new Set(['55P03', '40P01', '40001']);

/** May commit on their way, so that a second attempt would be another one. */
const mayCommit = new Set(['CallStmt', 'DoStmt']);

interface Run {
  readonly session: Session;
  readonly script: MigrationScript;
  readonly statements: readonly Statement[];
  readonly options: RunScriptOptions;
  readonly lockTimeoutMs: number;
  readonly identity: Identity;
}

/**
 * Runs a script statement by statement, in one transaction unless it says otherwise, under the settings that the user's own
 * connection would have. Waits for locks are bounded; what fails by somebody else's lock is tried again, five times,
 * as a whole. The session has Belay's settings again afterwards.
 * @throws BelayError BAD_MIGRATION (before anything is run), MIGRATION_FAILED and LOCK_TIMEOUT with file, line and
 *   statement; SERVER_GONE; INTERRUPTED
 */
export async function runScript(
  session: Session,
  script: MigrationScript,
  options: RunScriptOptions = {},
): Promise<ScriptRun> {
  const statements = options.statements ?? (await checkScript(script));
  const { lockTimeoutMs = defaultLockTimeoutMs } = options;
  const identity = await readIdentity(session);
  const run: Run = { session, script, statements, options, lockTimeoutMs, identity };
  const stopListening = listenToNotices(run);
  try {
    await useOwnSettings(run);
    const attempts = script.inTransaction ? await runTransaction(run) : await runSingly(run);
    return { statements: statements.length, attempts };
  } finally {
    stopListening();
    await putBack(run).catch(() => {});
  }
}

/** Who the session acts as; a script may have changed it. */
interface Identity {
  readonly user: string;
  readonly role: string;
}

function readIdentity(session: Session): Promise<Identity> {
  return session.queryOne<Identity>(
    `SELECT session_user::text AS user, current_setting('role') AS role`,
  );
}

async function becomeAgain({ session, identity }: Run): Promise<void> {
  const { user, role } = await readIdentity(session);
  const doing = 'putting back the role';
  if (user !== identity.user) {
    await session.execute(`SET SESSION AUTHORIZATION ${quoteIdentifier(identity.user)}`, doing);
  }
  if (role !== identity.role) {
    const name = identity.role === 'none' ? 'NONE' : quoteIdentifier(identity.role);
    await session.execute(`SET ROLE ${name}`, doing);
  }
}

/**
 * What role and database set for everybody counts, not what Belay wants for itself. Where event triggers were switched off
 * for the sake of the connection, a migration has to set them off again.
 */
async function useOwnSettings({ session, lockTimeoutMs }: Run): Promise<void> {
  const doing = 'setting up the migration';
  await session.execute('RESET ALL', doing);
  await session.query(
    `SELECT set_config('lock_timeout', $1, false),
            (SELECT set_config('event_triggers', 'on', false) FROM pg_catalog.pg_settings
              WHERE name = 'event_triggers' AND setting = 'off' AND source = 'client')`,
    [`${lockTimeoutMs}ms`],
    doing,
  );
  // So that the server gives up within a second when this process has died. Not every platform can.
  await session.execute(`SET client_connection_check_interval = '1s'`, doing).catch(() => {});
}

async function putBack(run: Run): Promise<void> {
  await rollback(run.session);
  await becomeAgain(run);
  await run.session.resetSettings();
}

async function rollback(session: Session): Promise<void> {
  if (session.client.getTransactionStatus() !== 'I') {
    await session.execute('ROLLBACK', 'rolling back');
  }
}

function listenToNotices({ session, options }: Run): () => void {
  const { reporter = silentReporter } = options;
  const onNotice = ({ severity, message }: { severity?: string | undefined; message?: string }) => {
    const isNews = severity === 'NOTICE' || severity === 'WARNING';
    if (isNews && message) reporter({ type: 'note', message: `PostgreSQL: ${message}` });
  };
  session.client.on('notice', onNotice);
  return () => session.client.off('notice', onNotice);
}

/** Tries work again while it fails by what passes. Gives the number of attempts. */
async function trying(
  { options, script }: Run,
  work: () => Promise<void>,
  isRepeatable = true,
): Promise<number> {
  const { signal, reporter = silentReporter, firstPauseMs = defaultFirstPauseMs } = options;
  for (let attempt = 1; ; attempt += 1) {
    if (signal?.aborted) throw interrupted();
    try {
      await work();
      return attempt;
    } catch (error) {
      const sqlState = sqlStateOf(error);
      const passes = isRepeatable && sqlState !== undefined && passing.has(sqlState);
      if (!passes || attempt === mostAttempts || signal?.aborted) throw error;
      // Growing, and not in step with others that wait for the same lock.
      const pauseMs = Math.round(firstPauseMs * 2 ** (attempt - 1) * (0.5 + Math.random()));
      const why = sqlState === '55P03' ? 'a lock was not to be had' : 'others were in the way';
      const message = `${script.file}: ${why} (${sqlState}); attempt ${attempt + 1} of ${mostAttempts} in ${pauseMs} ms`;
      reporter({ type: 'note', message });
      await setTimeout(pauseMs, undefined, { signal }).catch(() => {
        throw interrupted();
      });
    }
  }
}

const interrupted = () => new BelayError('INTERRUPTED', 'interrupted between two statements');

async function runTransaction(run: Run): Promise<number> {
  const { session } = run;
  return trying(run, async () => {
    try {
      await session.execute('BEGIN', 'beginning the transaction of a migration');
      await run.options.hooks?.afterBegin?.();
      for (const [index] of run.statements.entries()) await runStatement(run, index, []);
      await finish(run);
    } catch (error) {
      // A connection that is gone has rolled back by itself.
      await rollback(session).catch(() => {});
      throw error;
    }
  });
}

async function finish(run: Run): Promise<void> {
  const { session, options } = run;
  const atEnd = (sql: string) =>
    located({ script: run.script, statement: undefined, ran: [] }, () =>
      session.execute(sql, 'ending the migration'),
    );
  // Deferred triggers are the user's code too: they have to run while the user's settings hold.
  await atEnd('SET CONSTRAINTS ALL IMMEDIATE');
  await options.hooks?.beforeCommit?.();
  await runBeforeCommit(run, options.beforeCommit);
  await atEnd('COMMIT');
}

async function runBeforeCommit(
  run: Run,
  beforeCommit: RunScriptOptions['beforeCommit'],
): Promise<void> {
  if (!beforeCommit) return;
  await becomeAgain(run);
  await run.session.resetSettings();
  await beforeCommit();
}

/** Each statement by itself. Where one fails, those before it stay. */
async function runSingly(run: Run): Promise<number> {
  const { session, script } = run;
  const ran: Statement[] = [];
  let most = 1;
  for (const [index, statement] of run.statements.entries()) {
    const concurrent = isConcurrent(statement);
    // It waits for transactions, not in anybody's way, and leaves an invalid index when it gives up.
    if (concurrent) await session.execute('SET lock_timeout = 0', 'setting up the statement');
    // Within a transaction of the script's own a failure has ended that.
    const isAlone = session.client.getTransactionStatus() === 'I';
    const isRepeatable = isAlone && !concurrent && !mayCommit.has(statement.kind);
    const isWrapped = isAlone && run.options.hooks?.needsTransaction?.(statement, index) === true;
    const work = () => runStatement(run, index, ran);
    const wrapped = () => session.transaction(() => runWrapped(run, work));
    const attempts = await trying(run, isWrapped ? wrapped : work, isRepeatable);
    most = Math.max(most, attempts);
    if (concurrent) {
      await session.execute(`SET lock_timeout = ${run.lockTimeoutMs}`, 'setting up the statement');
    }
    ran.push(statement);
  }
  if (session.client.getTransactionStatus() !== 'I') throw unfinished(script);
  if (run.options.beforeCommit) {
    await session.transaction(() => runBeforeCommit(run, run.options.beforeCommit));
  }
  return most;
}

async function runWrapped({ session, options }: Run, work: () => Promise<void>): Promise<void> {
  await work();
  await session.execute('SET CONSTRAINTS ALL IMMEDIATE', 'ending a statement');
  await options.hooks?.beforeCommit?.();
}

function unfinished({ file }: MigrationScript): BelayError {
  return new BelayError('MIGRATION_FAILED', `${file} begins a transaction that it does not end`, {
    hint: 'What was done since its BEGIN was rolled back. Add the COMMIT.',
    details: { file },
  });
}

async function runStatement(
  { session, script, statements, options: { signal, hooks } }: Run,
  index: number,
  ran: readonly Statement[],
): Promise<void> {
  const statement = statements[index] as Statement;
  await hooks?.before?.(statement, index);
  let rowCount: number | null = null;
  await located({ script, statement, ran: [...ran] }, async () => {
    if (signal?.aborted) throw interrupted();
    rowCount = await (hooks?.run?.(statement, index) ??
      session.run(statement.sql, 'running a migration'));
  });
  await hooks?.after?.(statement, index, rowCount);
}

/** Says of a failure where in the script it was. */
async function located(place: ScriptPlace, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    throw scriptFailure(error, place);
  }
}
