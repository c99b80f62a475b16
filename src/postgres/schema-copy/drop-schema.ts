import { setTimeout as sleep } from 'node:timers/promises';
import type { SessionPolicy } from '../../domain/database-session.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../pg-error.js';
import { quoteIdentifier, type Session } from '../session.js';
import { nested } from './nested.js';

/** Short: whoever comes later waits behind a lock that is waited for. */
const lockTimeoutMs = 500;
const betweenMs = 100;
const defaultPatienceMs = 10_000;
const lockNotAvailable = '55P03';
const deadlock = '40P01';

export interface TakeSchemaOrder {
  /** In a transaction. */
  readonly session: Session;
  /** Ends sessions where the policy says so. */
  readonly helper: Session;
  readonly schema: string;
  readonly policy: SessionPolicy;
  /** How long to try; default 10 s. */
  readonly patienceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Takes every table of a schema for the transaction of the session, so that nobody reads or writes in it any more.
 * @throws BelayError SESSIONS_IN_THE_WAY naming who has them
 */
export async function takeSchema(order: TakeSchemaOrder): Promise<void> {
  const { session, policy, signal } = order;
  const deadline = performance.now() + (order.patienceMs ?? defaultPatienceMs);
  await session.execute(`SET LOCAL lock_timeout = ${lockTimeoutMs}`, 'taking the schema');
  for (;;) {
    signal?.throwIfAborted();
    if (policy === 'terminate') await endHolders(order);
    try {
      await nested(session, () => lockRelations(order));
      return;
    } catch (error) {
      const state = sqlStateOf(error);
      if (state !== lockNotAvailable && state !== deadlock) throw error;
      if (policy === 'fail' || performance.now() >= deadline) throw await inTheWay(order);
    }
    await sleep(betweenMs, undefined, { signal });
  }
}

const perStatement = 200;

async function lockRelations({ session, schema }: TakeSchemaOrder): Promise<void> {
  const rows = await session.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v') ORDER BY c.oid`,
    [schema],
    'listing the tables',
  );
  for (let at = 0; at < rows.length; at += perStatement) {
    const names = rows.slice(at, at + perStatement).map(({ name }) => name);
    await session.execute(
      `LOCK TABLE ONLY ${names.join(', ONLY ')} IN ACCESS EXCLUSIVE MODE`,
      `taking the tables of "${schema}"`,
    );
  }
}

interface Holder {
  readonly pid: number;
  readonly who: string;
}

const holdersSql = `
  SELECT DISTINCT l.pid, concat_ws(', ', 'user ' || a.usename, nullif(a.application_name, ''), a.state) AS who
    FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_stat_activity a ON a.pid = l.pid
   WHERE n.nspname = $1 AND l.granted AND l.pid <> pg_backend_pid() AND l.locktype = 'relation'
     AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
   ORDER BY l.pid`;

const readHolders = ({ session, schema }: TakeSchemaOrder): Promise<Holder[]> =>
  session.query<Holder>(holdersSql, [schema], 'looking for who uses the schema');

async function endHolders(order: TakeSchemaOrder): Promise<void> {
  const pids = (await readHolders(order)).map(({ pid }) => pid);
  if (pids.length === 0) return;
  await order.helper
    .query('SELECT pg_terminate_backend(pid) FROM unnest($1::int[]) pid', [pids], 'ending sessions')
    // Who may not be ended is named when the lock is not had.
    .catch(() => {});
}

async function inTheWay(order: TakeSchemaOrder): Promise<BelayError> {
  const holders = await readHolders(order);
  const who = holders.map(({ pid, who }) => `pid ${pid} (${who})`).join('; ');
  return new BelayError(
    'SESSIONS_IN_THE_WAY',
    `schema "${order.schema}" is in use: ${who || 'somebody held a lock on one of its tables'}`,
    {
      hint: 'Let the transactions end, or pass --sessions terminate to end them; they are rolled back.',
      details: { holders },
    },
  );
}

/** What goes with the schema: all that is in it, and what is part of that. */
const familySql = `
  WITH RECURSIVE family AS (
    SELECT classid, objid FROM pg_depend
     WHERE refclassid = 'pg_namespace'::regclass AND refobjid = (SELECT oid FROM pg_namespace WHERE nspname = $1)
    UNION
    SELECT d.classid, d.objid FROM family f JOIN pg_depend d ON d.refclassid = f.classid AND d.refobjid = f.objid
     WHERE d.deptype IN ('a', 'i', 'P', 'S', 'e')),
  -- A partition goes with its table even where it lies in another schema.
  strays AS (
    SELECT f.classid, f.objid FROM family f
      LEFT JOIN pg_class c ON f.classid = 'pg_class'::regclass AND c.oid = f.objid AND c.relkind NOT IN ('t', 'i', 'I')
      LEFT JOIN pg_proc p ON f.classid = 'pg_proc'::regclass AND p.oid = f.objid
      JOIN pg_namespace n ON n.oid = coalesce(c.relnamespace, p.pronamespace)
     WHERE n.nspname <> $1 AND n.nspname <> 'pg_toast'),
  users AS (
    SELECT d.classid, d.objid FROM family f JOIN pg_depend d ON d.refclassid = f.classid AND d.refobjid = f.objid
     WHERE (d.classid, d.objid) NOT IN (SELECT classid, objid FROM family))`;

/** @throws BelayError DEPENDENTS_IN_THE_WAY where objects of other schemas would go with the schema */
export async function refuseDependents(session: Session, schema: string): Promise<void> {
  const rows = await session.query<{ what: string }>(
    `${familySql}
     SELECT DISTINCT CASE WHEN w.rulename = '_RETURN' THEN pg_describe_object('pg_class'::regclass, w.ev_class, 0)
                          ELSE pg_describe_object(u.classid, u.objid, 0) END AS what
       FROM (SELECT * FROM users UNION SELECT * FROM strays) u
       LEFT JOIN pg_rewrite w ON u.classid = 'pg_rewrite'::regclass AND w.oid = u.objid ORDER BY 1`,
    [schema],
    'looking for what uses the schema',
  );
  if (rows.length === 0) return;
  const names = rows.map(({ what }) => what);
  const shown = names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');
  throw new BelayError(
    'DEPENDENTS_IN_THE_WAY',
    `what is in other schemas depends on schema "${schema}": ${shown}`,
    {
      hint: 'They would be dropped along. Drop them, or make them use another schema; then run this again.',
      details: { dependents: names },
    },
  );
}

/** Drops a schema with what is in it, and nothing else. The schema is taken. */
export async function dropSchema(session: Session, schema: string): Promise<void> {
  await refuseDependents(session, schema);
  await session.execute(
    `SET LOCAL client_min_messages = error; DROP SCHEMA ${quoteIdentifier(schema)} CASCADE`,
    `dropping schema "${schema}"`,
  );
}
