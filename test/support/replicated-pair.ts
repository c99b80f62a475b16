import pg from 'pg';
import type { MappedColumn, MappedTable, RowChange } from '../../src/domain/shadow.js';
import { quoteIdentifier, type Session } from '../../src/postgres/session.js';
import { readPlacedTables } from '../../src/postgres/shadow/read-mapping.js';
import {
  type ChangesRead,
  type CreatedReplication,
  confirmChanges,
  createReplication,
  dropReplication,
  type ReadChangesOptions,
  readChanges,
} from '../../src/postgres/shadow/replication.js';
import { quoteQualifiedName } from '../../src/postgres/sql/tables.js';
import { openSession } from './open-session.js';
import {
  createTestDatabase,
  type TestDatabase,
  type TestServer,
  withDatabase,
  withSession,
} from './servers.js';

/** A database whose changes are read from a slot, and a copy of it that gets them. */
export interface ReplicatedPair {
  readonly url: string;
  readonly copyUrl: string;
  readonly source: Session;
  readonly copy: Session;
  readonly replication: CreatedReplication;
  readonly tables: readonly MappedTable[];
  /** Reads, without confirming. */
  read(options?: Partial<ReadChangesOptions>): Promise<ChangesRead>;
  /** Brings everything over. @returns how many times it read */
  sync(options?: Partial<ReadChangesOptions>): Promise<number>;
  /** Rows of all published tables that are not the same on both sides, as text. */
  differences(): Promise<string[]>;
  run(sql: string): Promise<void>;
  /** A connection of an application's; closed with the pair. */
  openWriter(): Promise<pg.Client>;
  drop(): Promise<void>;
}

export interface PairOptions {
  readonly sql: string;
  /** Run in the copy afterwards, e.g. to rename columns. */
  readonly migration?: string;
  /** As CREATE DATABASE has it. */
  readonly encoding?: string;
  readonly slotTimeoutMs?: number;
  /** How changes are made in the copy; default: row by row, as the contract of changes says. */
  readonly apply?: typeof applyPlainly;
}

/** Rows of one query in the database of a URL. */
export function rowsOf(
  url: string,
  sql: string,
  // biome-ignore lint/suspicious/noExplicitAny: each test knows its columns
): Promise<any[]> {
  return withSession(url, async (client) => (await client.query(sql)).rows);
}

let count = 0;

export async function createPair(
  server: TestServer,
  options: PairOptions,
): Promise<ReplicatedPair> {
  const database = await (options.encoding
    ? createEncoded(server, options)
    : createTestDatabase(server, { name: 'repl', sql: options.sql }));
  const copyName = `${database.name}_copy`;
  const before = await openSession(database.url);
  count += 1;
  const id = `t${process.pid.toString(36)}${count.toString(36)}`.padEnd(12, '0');
  const placed = await readPlacedTables(before);
  // Transactions of other tests on the server are waited for, too.
  const { slotTimeoutMs = 45_000 } = options;
  const replication = await createReplication(before, id, placed, { slotTimeoutMs }).finally(() =>
    before.close(),
  );
  await withSession(server.adminUrl, (client) =>
    client.query(
      `CREATE DATABASE ${quoteIdentifier(copyName)} TEMPLATE ${quoteIdentifier(database.name)}`,
    ),
  );
  const copyUrl = withDatabase(server.adminUrl, copyName);
  if (options.migration) {
    const { migration } = options;
    await withSession(copyUrl, (client) => client.query(migration));
  }
  const source = await openSession(database.url);
  const copy = await openSession(copyUrl);
  const tables = await mapByOid(source, copy);
  const apply = options.apply ?? applyPlainly;
  const writers: pg.Client[] = [];
  const read = (more: Partial<ReadChangesOptions> = {}) =>
    readChanges(source, replication, { tables, ...more });
  return {
    ...{ url: database.url, copyUrl, source, copy, replication, tables, read },
    sync: async (more) => {
      for (let reads = 1; ; reads += 1) {
        const found = await read(more);
        await apply(copy, tables, found);
        if (found.lsn) await confirmChanges(source, replication.slot, found.lsn);
        if (found.isEnd) return reads;
      }
    },
    differences: () => compare(source, copy, tables, replication.published),
    run: (sql) => withSession(database.url, async (client) => void (await client.query(sql))),
    openWriter: async () => {
      const writer = new pg.Client({ connectionString: database.url });
      writers.push(writer);
      await writer.connect();
      return writer;
    },
    drop: async () => {
      for (const writer of writers) await writer.end();
      await dropReplication(source, replication);
      await Promise.all([source.close(), copy.close()]);
      await withSession(server.adminUrl, (client) =>
        client.query(`DROP DATABASE ${quoteIdentifier(copyName)} WITH (FORCE)`),
      );
      await database.drop();
    },
  };
}

async function createEncoded(server: TestServer, options: PairOptions): Promise<TestDatabase> {
  const plain = await createTestDatabase(server, { name: 'repl' });
  const name = quoteIdentifier(plain.name);
  await withSession(server.adminUrl, async (client) => {
    await client.query(`DROP DATABASE ${name}`);
    await client.query(
      `CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${options.encoding}' LOCALE 'C'`,
    );
  });
  await withSession(plain.url, (client) => client.query(options.sql));
  return plain;
}

/** A copy made by TEMPLATE has the same OIDs and column numbers. */
async function mapByOid(source: Session, copy: Session): Promise<MappedTable[]> {
  const [left, right] = await Promise.all([readPlacedTables(source), readPlacedTables(copy)]);
  return left.map((table) => {
    const shadow = right.find(({ oid }) => oid === table.oid);
    const pairs = table.columns.flatMap((column) => {
      const other = shadow?.columns.find(({ number }) => number === column.number);
      return other && !column.isGenerated ? [{ column, other }] : [];
    });
    const key = table.key?.map((number) =>
      pairs.findIndex((pair) => pair.column.number === number),
    );
    return {
      table: {
        ...{ oid: table.oid, name: `${table.schema}.${table.name}`, key: table.key },
        ...{
          shadowOid: shadow?.oid ?? null,
          isLogged: table.isLogged,
          transformed: null,
          arrived: 0,
        },
        columns: [],
      },
      source: { schema: table.schema, name: table.name },
      shadow: shadow ? { schema: shadow.schema, name: shadow.name } : null,
      columns: pairs.map(
        ({ column, other }): MappedColumn => ({
          ...{ source: column.name, shadow: other.name, shadowType: other.type },
          isIdentityAlways: other.isIdentity,
        }),
      ),
      key: key ?? null,
    };
  });
}

/** The simplest applier that does what the contract of changes says: row by row, in one transaction. */
async function applyPlainly(
  copy: Session,
  tables: readonly MappedTable[],
  found: ChangesRead,
): Promise<void> {
  await copy.transaction(async () => {
    await copy.execute('SET LOCAL session_replication_role = replica', 'applying');
    for (const table of tables) {
      if (!table.shadow) continue;
      const name = quoteQualifiedName(table.shadow);
      if (found.truncated.includes(table.table.oid))
        await copy.execute(`TRUNCATE ${name} CASCADE`, 'applying');
      const changes = found.changes.get(table.table.oid) ?? [];
      await applyTable(copy, table, name, changes);
    }
  });
}

type Upsert = Extract<RowChange, { kind: 'upsert' }>;

async function applyTable(
  copy: Session,
  table: MappedTable,
  name: string,
  changes: readonly RowChange[],
): Promise<void> {
  const indexes = table.key ?? [];
  const column = (index: number) => table.columns[index] as MappedColumn;
  const where = (from: number) =>
    indexes
      .map(
        (index, i) =>
          `${quoteIdentifier(column(index).shadow)} = $${from + i}::text::${column(index).shadowType}`,
      )
      .join(' AND ');
  const remove = async (key: readonly (string | null)[]) =>
    copy.query<Record<string, string | null>>(
      `DELETE FROM ${name} WHERE ${where(1)}
        RETURNING ${table.columns.map(({ shadow }, i) => `${quoteIdentifier(shadow)}::text AS "c${i}"`).join(', ')}`,
      [...key],
    );
  const upserts: { change: Upsert; old: Record<string, string | null> | undefined }[] = [];
  for (const change of changes) {
    if (change.kind === 'delete') await remove(change.key);
    else
      upserts.push({ change, old: change.oldKey ? (await remove(change.oldKey))[0] : undefined });
  }
  const list = table.columns.map(({ shadow }) => quoteIdentifier(shadow)).join(', ');
  const places = table.columns
    .map(({ shadowType }, i) => `$${i + 1}::text::${shadowType}`)
    .join(', ');
  for (const { change, old } of upserts) {
    const same = (await remove(indexes.map((index) => change.values[index] ?? null)))[0];
    const values = change.values.map((value, i) =>
      value === undefined ? ((old ?? same)?.[`c${i}`] ?? missing(table, i)) : value,
    );
    await copy.query(
      `INSERT INTO ${name} (${list}) OVERRIDING SYSTEM VALUE VALUES (${places})`,
      values,
    );
  }
}

function missing(table: MappedTable, index: number): never {
  throw new Error(`a value of ${table.table.name} was neither sent nor there: ${index}`);
}

async function compare(
  source: Session,
  copy: Session,
  tables: readonly MappedTable[],
  published: readonly number[],
): Promise<string[]> {
  const result: string[] = [];
  for (const table of tables) {
    if (!table.shadow || !published.includes(table.table.oid)) continue;
    const left = await tableRows(
      source,
      table.source,
      table.columns.map((column) => column.source),
    );
    const right = await tableRows(
      copy,
      table.shadow,
      table.columns.map((column) => column.shadow),
    );
    const { name } = table.table;
    if (left.length !== right.length)
      result.push(`${name}: ${left.length} rows, not ${right.length}`);
    const has = new Set(right);
    result.push(...left.filter((row) => !has.has(row)).map((row) => `${name}: missing ${row}`));
  }
  return result;
}

async function tableRows(
  session: Session,
  table: { readonly schema: string; readonly name: string },
  columns: readonly string[],
): Promise<string[]> {
  const list = columns.map(quoteIdentifier).join(', ');
  const rows = await session.query<{ row: string }>(
    `SELECT ROW(${list})::text AS row FROM ONLY ${quoteQualifiedName(table)}`,
  );
  return rows.map(({ row }) => row);
}
