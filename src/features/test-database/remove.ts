import type { Session } from '../../postgres/session.js';
import { dropBelayDatabase } from '../target/leftovers.js';
import { endClaim, tryClaim } from './claim.js';
import {
  type FoundTemplate,
  type FoundTestDatabase,
  readHalfDroppedTemplates,
  readTemplates,
  readTestDatabases,
} from './read.js';

const hourMs = 60 * 60_000;
/** Prepared databases that nobody took for so long are of a project that is not worked on now. */
const readyForMs = 24 * hourMs;
/** The same of templates. */
const templateForMs = 14 * 24 * hourMs;

/** What can be removed of test databases. */
export interface TestLeftover {
  readonly kind: 'test-database' | 'test-template';
  readonly database: string;
  /** What it is, for people. */
  readonly detail: string;
}

const older = (time: string, ms: number) => Date.now() - Date.parse(time) > ms;

function isNeeded({ record }: FoundTestDatabase, templates: readonly FoundTemplate[]): boolean {
  if (record?.state !== 'ready' || older(record.createdAt, readyForMs)) return false;
  return templates.some((template) => template.record.fingerprint === record.fingerprint);
}

function describe({ record }: FoundTestDatabase): string {
  if (record?.state === 'ready') return 'prepared for tests that have not run for long';
  if (record?.state === 'used') return 'used by a test that has ended';
  return record
    ? `of a test process that is gone (${record.owner})`
    : 'a test database or template that was being made';
}

/**
 * Test databases whose process is gone, those that were used, prepared ones without a template, and templates that
 * nobody used for two weeks. What a living process has is not among them.
 */
export async function findTestLeftovers(session: Session): Promise<TestLeftover[]> {
  const found: TestLeftover[] = [];
  const templates = await readTemplates(session);
  for (const database of await readTestDatabases(session)) {
    if (isNeeded(database, templates) || !(await isFree(session, database.name))) continue;
    found.push({ kind: 'test-database', database: database.name, detail: describe(database) });
  }
  for (const { name, record } of templates) {
    if (!older(record.lastUsedAt, templateForMs)) continue;
    const detail = `a template for tests that have not run since ${record.lastUsedAt.slice(0, 10)}`;
    found.push({ kind: 'test-template', database: name, detail });
  }
  for (const name of await readHalfDroppedTemplates(session)) {
    const detail = 'a template for tests whose removal was interrupted';
    found.push({ kind: 'test-template', database: name, detail });
  }
  return found;
}

async function isFree(session: Session, name: string): Promise<boolean> {
  const claimed = await tryClaim(session, name);
  if (claimed) await endClaim(session, name);
  return claimed;
}

/**
 * Removes what {@link findTestLeftovers} finds. Whoever may not remove one leaves it to whose it is.
 *
 * @param session on the maintenance database, to which every Belay connects
 * @example
 * const removed = await removeTestLeftovers(target.main);
 */
export async function removeTestLeftovers(session: Session): Promise<TestLeftover[]> {
  const removed: TestLeftover[] = [];
  for (const leftover of await findTestLeftovers(session)) {
    const isGone =
      leftover.kind === 'test-template'
        ? await tryToDrop(session, leftover.database)
        : await removeUnclaimed(session, leftover.database);
    if (isGone) removed.push(leftover);
  }
  return removed;
}

/** Removes a test database that nobody has, prepared ones only where they are not needed. */
async function removeUnclaimed(session: Session, name: string): Promise<boolean> {
  if (!(await tryClaim(session, name))) return false;
  try {
    // Whoever was making it may have finished it since the look.
    const now = (await readTestDatabases(session)).find((found) => found.name === name);
    if (!now || isNeeded(now, await readTemplates(session))) return false;
    return await tryToDrop(session, name);
  } finally {
    await endClaim(session, name);
  }
}

async function tryToDrop(session: Session, name: string): Promise<boolean> {
  return dropBelayDatabase(session, name).then(
    () => true,
    () => false,
  );
}

/**
 * Removes the prepared databases of a template, e.g. at the end of a run. One that is taken meanwhile has another name then.
 * @returns their names
 */
export async function removeReady(session: Session, fingerprint: string): Promise<string[]> {
  const removed: string[] = [];
  for (const { name, record } of await readTestDatabases(session)) {
    if (record?.state !== 'ready' || record.fingerprint !== fingerprint) continue;
    if (await tryToDrop(session, name)) removed.push(name);
  }
  return removed;
}

/** Removes the templates of a project beyond those used last, with what was prepared of them. */
export async function pruneTemplates(
  session: Session,
  project: string,
  keep: number,
): Promise<string[]> {
  const own = (await readTemplates(session))
    .filter(({ record }) => record.project === project)
    .sort((a, b) => b.record.lastUsedAt.localeCompare(a.record.lastUsedAt));
  const removed: string[] = [];
  for (const { name, record } of own.slice(keep)) {
    if (!(await tryToDrop(session, name))) continue;
    removed.push(name, ...(await removeReady(session, record.fingerprint)));
  }
  return removed;
}
