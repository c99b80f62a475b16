import { sealedConnectionLimit } from '../../domain/clone-name.js';
import { type CloneRecord, encodeRecord } from '../../domain/record.js';
import type { Reporter } from '../../domain/reporter.js';
import { sqlStateOf } from '../../postgres/pg-error.js';
import { quoteIdentifier, type Session } from '../../postgres/session.js';
import { commentDatabaseSql, databaseFlagsSql } from '../../postgres/sql/databases.js';
import type { Leftover, Timeline } from './timeline.js';

export interface FoundLeftover {
  readonly kind: Leftover['kind'];
  readonly database: string;
  /** What it is, for people. */
  readonly detail: string;
}

const details: Record<Leftover['kind'], string> = {
  'half-made': 'a copy that was interrupted before it was complete',
  'half-dropped': 'a snapshot whose deletion was interrupted',
  'left-open': 'a snapshot that was left open to connections',
  'not-counted': 'a snapshot whose rows were not counted yet',
};

export function describeLeftover(leftover: Leftover): FoundLeftover {
  return { kind: leftover.kind, database: leftover.database.name, detail: details[leftover.kind] };
}

/**
 * Cleans what an interrupted run left of this target. The caller holds the target's lock, so no other run can
 * be at work on any of it. Uncounted snapshots are complete and stay; only `repair` counts them.
 */
export async function cleanLeftovers(
  main: Session,
  timeline: Timeline,
  reporter: Reporter,
): Promise<FoundLeftover[]> {
  const cleaned: FoundLeftover[] = [];
  for (const leftover of timeline.leftovers) {
    if (leftover.kind === 'not-counted') continue;
    const found = describeLeftover(leftover);
    if (leftover.kind === 'left-open') await closeDatabase(main, leftover.database.name);
    else await dropBelayDatabase(main, leftover.database.name);
    cleaned.push(found);
    reporter({ type: 'note', message: `cleaned up "${found.database}": ${found.detail}` });
  }
  return cleaned;
}

/**
 * Removes a database that Belay made. FORCE ends sessions in it: a copy that was being counted when its Belay was
 * killed still has one for a moment.
 */
export async function dropBelayDatabase(main: Session, name: string): Promise<void> {
  await executeThoughCanceled(
    main,
    `DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`,
    `removing "${name}"`,
  );
}

/** Opens a clone to connections; a clone is closed except while Belay reads it. */
export async function openDatabaseToReaders(main: Session, name: string): Promise<void> {
  await main.execute(databaseFlagsSql(name, { allowConnections: true }), `opening "${name}"`);
}

/** Closes a clone so that nobody can change it. */
export async function closeDatabase(main: Session, name: string): Promise<void> {
  await main.execute(databaseFlagsSql(name, { allowConnections: false }), `closing "${name}"`);
}

/** Statements that make a complete clone a snapshot. */
export function sealSql(name: string, record: CloneRecord): string {
  return [
    commentDatabaseSql(name, encodeRecord(record)),
    databaseFlagsSql(name, {
      allowConnections: false,
      connectionLimit: sealedConnectionLimit,
      isTemplate: false,
    }),
  ].join(';');
}

const queryCanceled = '57014';
/** More than the cancels that one run can send: two for an abort, one for a drain that took too long. */
const attempts = 4;

/**
 * Runs a statement that cleans up. The cancel of an abort is meant for the statement before, but it arrives when it
 * arrives: without another try an interrupted run would leave its half-made copy behind.
 */
async function executeThoughCanceled(main: Session, sql: string, doing: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await main.execute(sql, doing);
    } catch (error) {
      if (sqlStateOf(error) !== queryCanceled || attempt === attempts) throw error;
    }
  }
}
