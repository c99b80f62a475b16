import { setTimeout as sleep } from 'node:timers/promises';
import { newSnapshotId } from '../../domain/clone-name.js';
import type { CopyStrategy } from '../../domain/copy-strategy.js';
import type { DatabaseProperties } from '../../domain/properties.js';
import {
  encodeTestRecord,
  readyDatabaseName,
  type TestDatabaseRecord,
  type TestDatabaseState,
  testDatabaseName,
} from '../../domain/test-database.js';
import { sqlStateOf } from '../../postgres/pg-error.js';
import { applyProperties } from '../../postgres/properties.js';
import type { Session } from '../../postgres/session.js';
import {
  commentDatabaseSql,
  createDatabaseSql,
  databaseFlagsSql,
  renameDatabaseSql,
} from '../../postgres/sql/databases.js';
import { dropBelayDatabase } from '../target/leftovers.js';
import { claimNew, endClaim } from './claim.js';
import { readTestDatabases } from './read.js';

/** A template that is whole, and how copies of it are made. */
export interface TestTemplate {
  readonly name: string;
  readonly fingerprint: string;
  readonly project: string;
  readonly plan: CopyStrategy;
  /** Settings and grants that CREATE DATABASE … TEMPLATE would leave behind; the owner of the copies is theirs. */
  readonly properties: DatabaseProperties;
}

const objectInUse = '55006';
const noSuchDatabase = '3D000';
const renameAttempts = 3;
/** How long sessions that were ended may take to go before the server itself waits for them, in steps of 100 ms. */
const goneWithinMs = 1000;

function recordOf(
  template: Pick<TestTemplate, 'fingerprint' | 'project'>,
  state: TestDatabaseState,
  owner: string | null,
): TestDatabaseRecord {
  const { fingerprint, project } = template;
  const createdAt = new Date().toISOString();
  return { kind: 'test-database', fingerprint, project, state, createdAt, owner };
}

/**
 * Copies the template. The name is claimed before the database exists, so that nobody takes it for a dead process's.
 * @returns the name, claimed by the session
 */
async function copyTemplate(
  session: Session,
  template: TestTemplate,
  name: string,
): Promise<string> {
  const { plan, properties } = template;
  await claimNew(session, name);
  try {
    if (plan.askForClone) {
      await session.execute('SET file_copy_method = clone', 'choosing the copy method');
    }
    const { owner } = properties;
    const sql = createDatabaseSql({ name, source: template.name, owner, strategy: plan.strategy });
    await session.execute(sql, 'making a test database');
    if (properties.settings.length > 0 || properties.grants !== null) {
      await applyProperties(session, name, properties);
    }
    return name;
  } catch (error) {
    await dropBelayDatabase(session, name).catch(() => {});
    await endClaim(session, name).catch(() => {});
    throw error;
  }
}

/**
 * Makes a database ahead of its need: closed, and for whoever takes it first. The first session in a new database writes
 * the server's cache of its catalog, which takes longer than connecting: that is done here, once.
 *
 * @param open opens a session in a database
 */
export async function makeReady(
  session: Session,
  template: TestTemplate,
  open: (database: string) => Promise<Session>,
): Promise<void> {
  const name = await copyTemplate(session, template, readyDatabaseName(newSnapshotId()));
  try {
    await session.execute(databaseFlagsSql(name, { allowConnections: true }), 'opening it');
    const first = await open(name);
    await first.close();
    const record = encodeTestRecord(recordOf(template, 'ready', null));
    const sql = `${databaseFlagsSql(name, { allowConnections: false })}; ${commentDatabaseSql(name, record)}`;
    await session.execute(sql, 'preparing a test database');
  } finally {
    await endClaim(session, name);
  }
}

/** Makes a database for this process, where none was prepared. */
export async function makeTaken(
  session: Session,
  template: TestTemplate,
  owner: string,
): Promise<string> {
  const name = await copyTemplate(session, template, testDatabaseName(newSnapshotId()));
  await session.execute(openSql(template, name, owner), 'opening a test database');
  return name;
}

/** In one transaction, as the statements of one query are: one that is open is never taken for one that nobody had. */
function openSql(template: TestTemplate, name: string, owner: string): string {
  const record = encodeTestRecord(recordOf(template, 'taken', owner));
  return `${databaseFlagsSql(name, { allowConnections: true })}; ${commentDatabaseSql(name, record)}`;
}

/** Names of the prepared databases, from a random one on: workers that start together would all try the same one first. */
async function readReady(session: Session, { fingerprint }: TestTemplate): Promise<string[]> {
  const ready = (await readTestDatabases(session))
    .filter(({ record }) => record?.state === 'ready' && record.fingerprint === fingerprint)
    .map(({ name }) => name);
  const first = Math.floor(Math.random() * ready.length);
  return [...ready.slice(first), ...ready.slice(0, first)];
}

export async function countReady(session: Session, template: TestTemplate): Promise<number> {
  return (await readReady(session, template)).length;
}

/**
 * Gives a prepared database the name that is wanted, by a statement that does it.
 * @returns false: there is none, or others were faster each time
 */
async function useReady(
  session: Session,
  template: TestTemplate,
  use: (ready: string) => Promise<void>,
): Promise<boolean> {
  for (const ready of await readReady(session, template)) {
    try {
      await use(ready);
      return true;
    } catch (error) {
      if (sqlStateOf(error) !== noSuchDatabase) throw error;
    }
  }
  return false;
}

/** Takes a database that was prepared ahead. @returns its name, claimed by the session; undefined: there is none */
export async function takeReady(
  session: Session,
  template: TestTemplate,
  owner: string,
): Promise<string | undefined> {
  const name = testDatabaseName(newSnapshotId());
  await claimNew(session, name);
  const open = openSql(template, name, owner);
  const isTaken = await useReady(session, template, (ready) =>
    session.execute(`${renameDatabaseSql(ready, name)}; ${open}`, 'taking a test database'),
  ).catch(async (error) => {
    await endClaim(session, name);
    throw error;
  });
  if (!isTaken) await endClaim(session, name);
  return isTaken ? name : undefined;
}

/**
 * Puts a fresh database into the place of one that this session has taken, under the same name. Sessions in it are ended.
 * The old one stays under another name, for whoever removes what was used.
 */
export async function replaceTaken(
  session: Session,
  template: TestTemplate,
  name: string,
  owner: string,
): Promise<void> {
  const old = testDatabaseName(newSnapshotId());
  const replaceBy = (fresh: string) => {
    const sql = [
      databaseFlagsSql(name, { allowConnections: false }),
      renameDatabaseSql(name, old),
      renameDatabaseSql(fresh, name),
      commentDatabaseSql(old, encodeTestRecord(recordOf(template, 'used', null))),
      openSql(template, name, owner),
    ].join('; ');
    return withoutSessions(session, name, () => session.execute(sql, `resetting "${name}"`));
  };
  if (await useReady(session, template, replaceBy)) return;
  const made = await copyTemplate(session, template, testDatabaseName(newSnapshotId()));
  try {
    await replaceBy(made);
  } finally {
    await endClaim(session, made);
  }
}

/** Runs a statement that needs a database without sessions, after ending those that are there. */
async function withoutSessions(
  session: Session,
  name: string,
  work: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    const deadline = performance.now() + goneWithinMs;
    while ((await endSessions(session, name)) > 0 && performance.now() < deadline) await sleep(2);
    try {
      return await work();
    } catch (error) {
      if (sqlStateOf(error) !== objectInUse || attempt === renameAttempts) throw error;
    }
  }
}

/** @returns how many there were */
async function endSessions(session: Session, name: string): Promise<number> {
  const ended = await session.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = $1 AND pid <> pg_backend_pid()`,
    [name],
    `ending sessions in "${name}"`,
  );
  return ended.length;
}

/** Gives a database back. It is closed, and whoever removes used ones removes it. */
export async function giveBack(
  session: Session,
  template: TestTemplate,
  name: string,
): Promise<void> {
  const record = encodeTestRecord(recordOf(template, 'used', null));
  const sql = `${databaseFlagsSql(name, { allowConnections: false })}; ${commentDatabaseSql(name, record)}`;
  try {
    await session.execute(sql, `giving back "${name}"`);
  } finally {
    await endClaim(session, name);
  }
}
