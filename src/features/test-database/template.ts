import { newSnapshotId, sealedConnectionLimit } from '../../domain/clone-name.js';
import { type Reporter, reportStep } from '../../domain/reporter.js';
import {
  encodeTestRecord,
  type TestTemplateRecord,
  testDatabaseName,
  testTemplateName,
} from '../../domain/test-database.js';
import { BelayError } from '../../errors.js';
import { planCopy } from '../../postgres/copy-database.js';
import { runExclusively } from '../../postgres/exclusive.js';
import { readProperties } from '../../postgres/properties.js';
import type { Session } from '../../postgres/session.js';
import type { ConnectionSettings } from '../../postgres/settings.js';
import {
  commentDatabaseSql,
  createDatabaseSql,
  databaseFlagsSql,
  databaseSize,
  renameDatabaseSql,
} from '../../postgres/sql/databases.js';
import { acquireTargetLock, releaseTargetLock } from '../../postgres/target-lock.js';
import { dropBelayDatabase } from '../target/leftovers.js';
import { claimNew, endClaim } from './claim.js';
import type { TestTemplate } from './copies.js';
import { type FoundTemplate, readTemplates } from './read.js';
import { pruneTemplates } from './remove.js';

export interface TemplateOrder {
  /** Of everything that the template is made from. */
  readonly fingerprint: string;
  readonly project: string;
  /** Of the server; the database is the one that is asked for. */
  readonly settings: ConnectionSettings;
  /** Migrates and seeds the empty database. Its failure leaves nothing. */
  readonly build: (settings: ConnectionSettings) => Promise<void>;
  /** Opens a second session on the maintenance database. */
  readonly openHelper: () => Promise<Session>;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for another process that makes the same template. */
  readonly waitMs: number;
  /** How many templates the project keeps, this one included. */
  readonly keep: number;
}

export interface ObtainedTemplate {
  readonly template: TestTemplate;
  /** False: it was there already. */
  readonly built: boolean;
}

const hourMs = 60 * 60_000;

/**
 * Finds the template with a fingerprint, or makes it: beside everything, under a name that is claimed, and named by its
 * fingerprint only when it is whole. Of several processes that need it at once one makes it and the others wait.
 * @throws BelayError LOCKED, PERMISSION_DENIED, and what building throws; nothing is left then
 */
export async function obtainTemplate(
  session: Session,
  order: TemplateOrder,
): Promise<ObtainedTemplate> {
  const known = await findTemplate(session, order);
  if (known) return { template: known, built: false };
  const name = testTemplateName(order.fingerprint);
  const { waitMs, signal, reporter } = order;
  await acquireTargetLock(session, name, { waitMs, signal, reporter });
  try {
    const made = await findTemplate(session, order);
    if (made) return { template: made, built: false };
    await reportStep(reporter, { name: 'make the template of the test databases' }, () =>
      buildTemplate(session, order),
    );
    await pruneTemplates(session, order.project, order.keep);
  } finally {
    await releaseTargetLock(session, name).catch(() => {});
  }
  const template = await findTemplate(session, order);
  if (!template) throw new BelayError('BUG', `the template "${name}" is not there`);
  return { template, built: true };
}

async function findTemplate(
  session: Session,
  { fingerprint }: TemplateOrder,
): Promise<TestTemplate | undefined> {
  const found = (await readTemplates(session)).find(
    ({ record }) => record.fingerprint === fingerprint,
  );
  if (!found) return undefined;
  await noteUse(session, found);
  const { name, record } = found;
  const sizeBytes = await databaseSize(session, found.oid);
  const properties = await readProperties(session, found.oid);
  const plan = await planCopy(session, sizeBytes);
  return { name, fingerprint, project: record.project, plan, properties };
}

/** As exact as an hour, so that a run of many processes writes it once. */
async function noteUse(session: Session, { name, record }: FoundTemplate): Promise<void> {
  if (Date.now() - Date.parse(record.lastUsedAt) < hourMs) return;
  const used: TestTemplateRecord = { ...record, lastUsedAt: new Date().toISOString() };
  // Two processes at once would both write the same; the second may fail on the first's.
  await session
    .execute(commentDatabaseSql(name, encodeTestRecord(used)), 'noting the use of a template')
    .catch(() => {});
}

async function buildTemplate(session: Session, order: TemplateOrder): Promise<void> {
  const name = testDatabaseName(newSnapshotId());
  const { owner } = await session.queryOne<{ owner: string }>('SELECT current_user::text AS owner');
  await claimNew(session, name);
  try {
    await createEmpty(session, name, owner);
    await order.build({ ...order.settings, database: name });
    await seal(session, order, name);
  } catch (error) {
    await dropBelayDatabase(session, name).catch(() => {});
    throw error;
  } finally {
    await endClaim(session, name).catch(() => {});
  }
}

async function createEmpty(session: Session, name: string, owner: string): Promise<void> {
  // As CREATE DATABASE without more does it: what a server has in template1 belongs to every new database.
  const sql = createDatabaseSql({ name, source: 'template1', owner, strategy: null });
  try {
    await session.execute(sql, 'making an empty database');
  } catch (error) {
    if (!(error instanceof BelayError) || error.code !== 'PERMISSION_DENIED') throw error;
    throw new BelayError('PERMISSION_DENIED', error.message, {
      hint: `Test databases need a role that may make databases: ALTER ROLE "${owner}" CREATEDB.`,
      details: error.details,
      cause: error,
    });
  }
  await session.execute(databaseFlagsSql(name, { allowConnections: true }), 'opening it');
}

/** Gives it record and name in one transaction. Sessions that a migration tool left are ended. */
async function seal(session: Session, order: TemplateOrder, name: string): Promise<void> {
  const { fingerprint, project, signal } = order;
  const now = new Date().toISOString();
  const record: TestTemplateRecord = {
    ...{ kind: 'test-template', fingerprint, project, createdAt: now, lastUsedAt: now },
  };
  const sql = [
    databaseFlagsSql(name, { allowConnections: false, connectionLimit: sealedConnectionLimit }),
    commentDatabaseSql(name, encodeTestRecord(record)),
    renameDatabaseSql(name, testTemplateName(fingerprint)),
  ].join('; ');
  const helper = await order.openHelper();
  try {
    await runExclusively(
      { main: session, helper, database: name, policy: 'terminate', signal },
      () => session.execute(sql, 'naming the template'),
    );
  } finally {
    await helper.close();
  }
}
