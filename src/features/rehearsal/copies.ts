import type { SessionPolicy } from '../../domain/database-session.js';
import type { DatabaseProperties } from '../../domain/properties.js';
import type { RehearsalSource } from '../../domain/rehearsal.js';
import { type Reporter, reportStep } from '../../domain/reporter.js';
import { BelayError, toBelayError } from '../../errors.js';
import { cancelOnAbort } from '../../postgres/cancel.js';
import {
  type CopyRequest,
  checkSpace,
  copyDatabase,
  planCopy,
} from '../../postgres/copy-database.js';
import { locateDataDirectory } from '../../postgres/data-directory.js';
import { applyProperties } from '../../postgres/properties.js';
import { readStartMark, type StartMark } from '../../postgres/rehearsal/start-mark.js';
import type { Session } from '../../postgres/session.js';
import type { ConnectionSettings } from '../../postgres/settings.js';
import { databaseFlagsSql, databaseSize } from '../../postgres/sql/databases.js';
import { claimDrillName, dropDrillDatabase } from '../archive/drill-claim.js';
import { closeDatabase, openDatabaseToReaders } from '../target/leftovers.js';

type OpenSession = () => Promise<Session>;

/** Two equal copies of a database on one server: one stays as it is, the migration is run on the other. */
export interface RehearsalCopies {
  readonly source: RehearsalSource;
  /** A session on the maintenance database of the copies' server. */
  readonly admin: Session;
  /** Where programs find the copies. */
  readonly settings: ConnectionSettings;
  /** Whether others use the server too. */
  readonly isShared: boolean;
  /** The names of both databases. */
  readonly before: string;
  readonly after: string;
  readonly afterOid: number;
  /** From when both were equal and nobody had worked on either. */
  readonly mark: StartMark;
  /** Sessions that nobody has to close. */
  readonly openBefore: OpenSession;
  readonly openAfter: OpenSession;
  readonly openAdmin: OpenSession;
}

/** A server on which copies are made. */
export interface CopyServer {
  readonly admin: Session;
  readonly settings: ConnectionSettings;
  readonly isShared: boolean;
  /** Opens a session; undefined: on the maintenance database. The caller closes it. */
  open(database?: string): Promise<Session>;
}

export interface CopyOrder {
  /** The database that is copied: nobody works on it, and it stays as it is. */
  readonly before: string;
  readonly owner: string;
  readonly source: RehearsalSource;
  /** What CREATE DATABASE does not copy; null: nothing to be given. */
  readonly properties: DatabaseProperties | null;
  readonly signal: AbortSignal | undefined;
  readonly reporter: Reporter;
}

/** How much is to be copied, and how. @throws BelayError DISK_FULL where it cannot fit `times` times */
async function planCopies(
  { admin, settings }: Pick<CopyServer, 'admin' | 'settings'>,
  database: { readonly oid: number; readonly tablespace: string },
  times: number,
) {
  const sizeBytes = await databaseSize(admin, database.oid);
  const plan = await planCopy(admin, sizeBytes);
  const dataDirectory = await locateDataDirectory(admin, settings, database.tablespace);
  await checkSpace(dataDirectory, sizeBytes === null ? null : sizeBytes * times, plan);
  return { sizeBytes, plan, dataDirectory };
}

export interface ClosedCopy extends Omit<CopyRequest, 'name' | 'policy'> {
  readonly oid: number;
  readonly tablespace: string;
  readonly policy: SessionPolicy;
  readonly times: number;
  readonly settings: ConnectionSettings;
  readonly reporter: Reporter;
}

/**
 * Copies a database under a claimed name. A kill leaves a copy whose claim is gone: the next rehearsal, or `belay repair`,
 * removes it.
 * @param claims session that holds the claim: of the copy's server, and open until the copy is removed
 */
export async function makeClosedCopy(
  claims: Session,
  order: Omit<ClosedCopy, 'sizeBytes' | 'dataDirectory'>,
): Promise<string> {
  const { oid, tablespace, settings, times, reporter, signal } = order;
  const place = { admin: order.main, settings };
  const { plan, ...planned } = await planCopies(place, { oid, tablespace }, times);
  const size = planned.sizeBytes === null ? {} : { sizeBytes: planned.sizeBytes };
  const name = await claimDrillName(claims, 'rehearsal');
  try {
    await reportStep(reporter, { name: 'copy', detail: order.source, ...size }, () =>
      copyDatabase({ ...order, ...planned, name }, plan),
    );
    signal?.throwIfAborted();
    return name;
  } catch (error) {
    await removeCopy(claims, name, reporter);
    throw error;
  }
}

export async function removeCopy(claims: Session, name: string, reporter: Reporter): Promise<void> {
  await dropDrillDatabase(claims, name).catch((error) => {
    const why = `"${name}" could not be removed: ${toBelayError(error).message}`;
    reporter({ type: 'warning', message: `${why}; \`belay repair\` does it` });
  });
}

/** Makes the copy that is worked on from the one that stays, opens both, and closes every session afterwards. */
export async function withWorkingCopy<T>(
  server: CopyServer,
  order: CopyOrder,
  use: (copies: RehearsalCopies) => Promise<T>,
): Promise<T> {
  const { before, source, signal, reporter } = order;
  const { admin, settings, isShared } = server;
  const startedAt = performance.now();
  const opened: Promise<Session>[] = [];
  const opener = (database?: string) => () => {
    const session = server.open(database);
    opened.push(session);
    return session;
  };
  const helper = await opener()();
  const stopCancelling = cancelOnAbort(signal, helper, admin);
  const found = await findDatabase(admin, before);
  const request = {
    ...{ main: admin, helper, source: before, owner: order.owner, policy: 'terminate' as const },
    ...{ ...found, times: 1, settings, signal, reporter },
  };
  let after: string | undefined;
  try {
    after = await makeClosedCopy(admin, request);
    const { oid: afterOid } = await findDatabase(admin, after);
    if (order.properties) await giveProperties(admin, after, order.properties, reporter);
    await admin.execute(databaseFlagsSql(after, { allowConnections: true }), 'opening the copy');
    await openDatabaseToReaders(admin, before);
    const mark = await readStartMark(admin, afterOid);
    const durationMs = source.durationMs + Math.round(performance.now() - startedAt);
    return await use({
      ...{ source: { ...source, durationMs }, admin, settings, isShared },
      ...{ before, after, afterOid, mark },
      ...{ openBefore: opener(before), openAfter: opener(after), openAdmin: opener() },
    });
  } finally {
    await stopCancelling();
    await closeAll(opened);
    if (after !== undefined) await removeCopy(admin, after, reporter);
    await closeDatabase(admin, before).catch(() => {});
  }
}

async function closeAll(opened: readonly Promise<Session>[]): Promise<void> {
  const settled = await Promise.allSettled(opened);
  await Promise.all(
    settled.map((one) => (one.status === 'fulfilled' ? one.value.close() : undefined)),
  );
}

/** Grants and settings matter to what a command may do; where they cannot be given, that is said. */
async function giveProperties(
  admin: Session,
  database: string,
  properties: DatabaseProperties,
  reporter: Reporter,
): Promise<void> {
  try {
    await applyProperties(admin, database, properties);
  } catch (error) {
    const { message } = toBelayError(error);
    const warning = `the copy has not got all settings and grants of the database: ${message}`;
    reporter({ type: 'warning', message: warning });
  }
}

export async function findDatabase(
  session: Session,
  name: string,
): Promise<{ readonly oid: number; readonly tablespace: string }> {
  const rows = await session.query<{ oid: number; tablespace: string }>(
    `SELECT d.oid::int8::float8 AS oid, t.spcname::text AS tablespace
       FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE datname = $1`,
    [name],
  );
  const [row] = rows;
  if (row) return row;
  throw new BelayError('TARGET_NOT_FOUND', `there is no database "${name}" on the server`, {
    hint: 'It was there a moment ago: somebody has dropped it.',
  });
}
