import { randomBytes } from 'node:crypto';
import { silentReporter } from '../../src/domain/reporter.js';
import type {
  MappedTable,
  ShadowRecord,
  ShadowTable,
  TransformedTable,
} from '../../src/domain/shadow.js';
import { mappedTable, placeTables } from '../../src/domain/shadow-mapping.js';
import { type BringOverOptions, bringOver } from '../../src/features/shadow/bring-over.js';
import { quoteIdentifier, type Session } from '../../src/postgres/session.js';
import { mapTables } from '../../src/postgres/shadow/mapped-tables.js';
import { readPlacedTables } from '../../src/postgres/shadow/read-mapping.js';
import { rememberInserted } from '../../src/postgres/shadow/remember-inserted.js';
import { openSession } from './open-session.js';
import { rowsOf, run } from './targets.js';
import { createTestDatabase, type TestDatabase, withDatabase } from './test-database.js';
import type { TestServer } from './throwaway-server.js';

/** What the migration did to rows, by "schema.table"; for tables that are not named, nothing. */
export type Transformed = Readonly<Record<string, Partial<TransformedTable>>>;

/** A database and a migrated copy of it, made by hand: what bringing rows over begins with. */
export interface ShadowPair {
  readonly target: TestDatabase;
  readonly url: string;
  readonly shadowUrl: string;
  record: ShadowRecord;
  /** Runs statements in the target. */
  run(sql: string): Promise<void>;
  /** Brings over what changed, and keeps the record. */
  sync(options?: Partial<BringOverOptions>): ReturnType<typeof bringOver>;
  /** Both databases and the mapped tables, for as long as the work lasts. */
  withSessions<T>(
    work: (source: Session, shadow: Session, tables: MappedTable[]) => Promise<T>,
  ): Promise<T>;
  /** Rows of one query on both sides; in the shadow of another one, where it is given. */
  both(sql: string, inShadow?: string): Promise<{ target: unknown[]; shadow: unknown[] }>;
  drop(): Promise<void>;
}

const nothingDone: TransformedTable = {
  ...{ inserted: 0, updated: 0, deleted: 0 },
  ...{ retyped: [], filled: [] },
};

interface PairOptions {
  /** In the target before it is copied. */
  readonly sql: string;
  /** In the copy. */
  readonly migration?: string;
  readonly transformed?: Transformed;
  /** Role by which it is synced; default the superuser. */
  readonly as?: (url: string) => string;
  readonly owner?: string;
}

export async function createShadowPair(
  server: TestServer,
  { sql, migration = '', transformed = {}, as = (url) => url, owner }: PairOptions,
): Promise<ShadowPair> {
  const target = await createTestDatabase(server, { name: 'pair', owner });
  const url = as(target.url);
  await run(url, sql);
  const { snapshot } = (await rowsOf(url, 'SELECT pg_current_snapshot()::text AS snapshot'))[0] as {
    snapshot: string;
  };
  const name = `${target.name}_s${randomBytes(2).toString('hex')}`;
  const owned = owner ? ` OWNER ${owner}` : '';
  await run(
    server.adminUrl,
    `CREATE DATABASE ${quoteIdentifier(name)} TEMPLATE ${quoteIdentifier(target.name)}${owned}`,
  );
  const shadowUrl = as(withDatabase(server.adminUrl, name));
  const [source, shadow] = [await openSession(url), await openSession(shadowUrl)];
  try {
    const before = await readPlacedTables(source);
    const [{ now }] = (await shadow.query<{ now: string }>(
      'SELECT pg_current_snapshot()::text AS now',
    )) as [{ now: string }];
    if (migration !== '') await run(shadowUrl, migration);
    const after = await readPlacedTables(shadow);
    const tables: ShadowTable[] = placeTables(before, before, after, 'number').map((place) => {
      const mapped = mappedTable(place);
      const done = transformed[mapped.name];
      return { ...mapped, transformed: done ? { ...nothingDone, ...done } : null, arrived: 0 };
    });
    const changed = (await mapTables(source, shadow, tables)).filter(
      ({ table }) => (table.transformed?.inserted ?? 0) + (table.transformed?.deleted ?? 0) > 0,
    );
    await rememberInserted({
      source,
      shadow,
      tables: changed,
      since: snapshot,
      beforeMigration: now,
    });
    return pairOf({ target, url, shadowUrl, name, admin: server.adminUrl }, tables, snapshot);
  } finally {
    await source.close();
    await shadow.close();
  }
}

interface Place {
  readonly target: TestDatabase;
  readonly url: string;
  readonly shadowUrl: string;
  readonly name: string;
  readonly admin: string;
}

function pairOf(place: Place, tables: ShadowTable[], snapshot: string): ShadowPair {
  const { target, url, shadowUrl, name, admin } = place;
  const withSessions: ShadowPair['withSessions'] = async (work) => {
    const [source, shadow] = [await openSession(url), await openSession(shadowUrl)];
    try {
      return await work(source, shadow, await mapTables(source, shadow, pair.record.tables));
    } finally {
      await source.close();
      await shadow.close();
    }
  };
  const pair: ShadowPair = {
    ...{ target, url, shadowUrl, withSessions },
    record: recordOf(target.name, tables, snapshot),
    run: (sql) => run(url, sql),
    sync: (options) =>
      withSessions(async (source, shadow) => {
        const { record } = pair;
        const about = { record, database: name, signal: undefined, reporter: silentReporter };
        const brought = await bringOver({ source, shadow, ...about }, { how: 'scan', ...options });
        pair.record = brought.record;
        return brought;
      }),
    both: async (sql, inShadow = sql) => ({
      target: await rowsOf(url, sql),
      shadow: await rowsOf(shadowUrl, inShadow),
    }),
    drop: async () => {
      await run(admin, `DROP DATABASE IF EXISTS ${quoteIdentifier(name)} WITH (FORCE)`);
      await target.drop();
    },
  };
  return pair;
}

function recordOf(database: string, tables: ShadowTable[], snapshot: string): ShadowRecord {
  return {
    ...{ kind: 'shadow', id: 'abcdefghijkl', target: { server: 'test', database } },
    ...{ sourceOid: 1, oid: 2, createdAt: '2026-11-21T00:00:00.000Z', method: 'clone' },
    migration: { kind: 'files', name: 'test.sql', durationMs: 0 },
    ...{ targetChecksum: '', shadowChecksum: '', tables, replication: null },
    sync: { at: '2026-11-21T00:00:00.000Z', count: 0, snapshot, lsn: null },
  };
}
