import pg from 'pg';

/** What was in the tables of a database before a script ran. */
export interface Contents {
  readonly tables: readonly KeptTable[];
}

interface KeptTable {
  /** Of the table, or of the whole tree of partitions. */
  readonly root: number;
  /** Tables that have the rows. */
  readonly leaves: readonly number[];
  readonly columns: readonly KeptColumn[];
  /** Column numbers of the primary key; empty: it has none. */
  readonly key: readonly number[];
  readonly copy: string;
}

interface KeptColumn {
  readonly number: number;
  readonly type: string;
}

/** What of the earlier contents is not there any more. */
export interface Missing {
  readonly rows: number;
  /** Values of rows that are still there. */
  readonly values: number;
  /** Rows that are still there, but have lost a value. */
  readonly changedRows: number;
}

const tablesQuery = `
  SELECT coalesce(pg_partition_root(c.oid), c.oid)::oid::int AS root, array_agg(c.oid::int ORDER BY c.oid) AS leaves
    FROM pg_class c
   WHERE c.relkind = 'r' AND c.relpersistence <> 't'
     AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema|contents$)'
     AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
   GROUP BY 1 ORDER BY 1`;

// Generated columns are left out: their values can be made again.
const columnsQuery = `
  SELECT attrelid::int AS relation, attnum AS number, attname AS name, format_type(atttypid, atttypmod) AS type
    FROM pg_attribute
   WHERE attrelid = ANY ($1::oid[]) AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
   ORDER BY 1, 2`;

const keyQuery = `
  SELECT conrelid::int AS relation, conkey AS key FROM pg_constraint WHERE contype = 'p' AND conrelid = ANY ($1::oid[])`;

interface ColumnRow extends KeptColumn {
  readonly relation: number;
  readonly name: string;
}

/**
 * Copies what all tables hold as text into tables of a schema of its own: nothing there depends on a type or a
 * table that a script may drop.
 */
export async function keepContents(client: pg.Client): Promise<Contents> {
  const found = await client.query<{ root: number; leaves: number[] }>(tablesQuery);
  const roots = found.rows.map(({ root }) => root);
  const columns = (await client.query<ColumnRow>(columnsQuery, [roots])).rows;
  const keys = (await client.query<{ relation: number; key: number[] }>(keyQuery, [roots])).rows;
  const names = await namesOf(
    client,
    found.rows.flatMap(({ leaves }) => leaves),
  );
  await client.query('CREATE SCHEMA contents');
  const tables: KeptTable[] = [];
  for (const { root, leaves } of found.rows) {
    const own = columns.filter(({ relation }) => relation === root);
    const list = own.map(({ name, number }) => `${pg.escapeIdentifier(name)}::text AS c_${number}`);
    const copy = `contents.of_${root}`;
    const parts = leaves.map((leaf) => `SELECT ${list} FROM ONLY ${names.get(leaf)}`);
    await client.query(`CREATE TABLE ${copy} AS ${parts.join(' UNION ALL ')}`);
    const key = keys.find(({ relation }) => relation === root)?.key ?? [];
    tables.push({ root, leaves, columns: own, key, copy });
  }
  return { tables };
}

/** Names of those tables that are still there. */
async function namesOf(client: pg.Client, oids: readonly number[]): Promise<Map<number, string>> {
  const { rows } = await client.query<{ oid: number; name: string }>(
    'SELECT oid::int, oid::regclass::text AS name FROM pg_class WHERE oid = ANY ($1::oid[])',
    [oids],
  );
  return new Map(rows.map(({ oid, name }) => [oid, name]));
}

/** Compares what the tables hold now with what was kept; to be called in the script's own transaction. */
export async function missingContents(client: pg.Client, contents: Contents): Promise<Missing> {
  let [rows, values, changedRows] = [0, 0, 0];
  const oids = contents.tables.flatMap(({ leaves }) => leaves);
  const names = await namesOf(client, oids);
  const all = (await client.query<ColumnRow>(columnsQuery, [oids])).rows;
  for (const table of contents.tables) {
    const now = all.filter(({ relation }) => table.leaves.includes(relation));
    const missing = await missingOf(client, table, { now, names });
    rows += missing.rows;
    values += missing.values;
    changedRows += missing.changedRows;
  }
  return { rows, values, changedRows };
}

const numberOf = async (client: pg.Client, sql: string): Promise<number> =>
  Number((await client.query(`SELECT (${sql})::float8 AS number`)).rows[0].number);

/** Tables that are still there, and their columns. */
interface Present {
  readonly now: readonly ColumnRow[];
  readonly names: ReadonlyMap<number, string>;
}

async function missingOf(
  client: pg.Client,
  table: KeptTable,
  { now, names }: Present,
): Promise<Missing> {
  const { leaves, columns, copy } = table;
  const present = leaves.filter((leaf) => names.has(leaf));
  if (present.length === 0) {
    const rows = await numberOf(client, `SELECT count(*) FROM ${copy}`);
    return { rows, values: 0, changedRows: 0 };
  }
  const stays = ({ number }: KeptColumn) => now.some((column) => column.number === number);
  const kept = columns.filter(stays);
  const selects: string[] = [];
  for (const leaf of present) {
    const list = ['true AS present'];
    for (const { number, type } of kept) {
      const column = now.find((one) => one.relation === leaf && one.number === number);
      list.push(`${column ? await asBefore(client, column, type) : 'NULL'} AS c_${number}`);
    }
    selects.push(`SELECT ${list} FROM ONLY ${names.get(leaf)}`);
  }
  const source = selects.join(' UNION ALL ');
  const goneColumns = columns.filter((column) => !stays(column));
  const hasKey =
    table.key.length > 0 && table.key.every((number) => kept.some((one) => one.number === number));
  return hasKey
    ? missingByKey(client, table, { source, kept, goneColumns })
    : missingByCount(client, table, { source, kept, goneColumns });
}

interface Now {
  readonly source: string;
  readonly kept: readonly KeptColumn[];
  readonly goneColumns: readonly KeptColumn[];
}

async function missingByKey(
  client: pg.Client,
  { copy, key }: KeptTable,
  { source, kept, goneColumns }: Now,
): Promise<Missing> {
  const on = key.map((number) => `n.c_${number} = b.c_${number}`).join(' AND ');
  const lost = [
    ...kept.map(
      ({ number }) => `b.c_${number} IS NOT NULL AND n.c_${number} IS DISTINCT FROM b.c_${number}`,
    ),
    ...goneColumns.map(({ number }) => `b.c_${number} IS NOT NULL`),
  ];
  const { rows } = await client.query(
    `SELECT count(*) FILTER (WHERE n.present IS NULL)::int AS rows,
            (${lost.map((one) => `count(*) FILTER (WHERE n.present AND ${one})`).join(' + ')})::int AS values,
            count(*) FILTER (WHERE n.present AND (${lost.join(' OR ')}))::int AS "changedRows"
       FROM ${copy} b LEFT JOIN (${source}) n ON ${on}`,
  );
  return rows[0];
}

/** Without a key: fewer rows than before, or so many that are not found again. */
async function missingByCount(
  client: pg.Client,
  { copy }: KeptTable,
  { source, kept, goneColumns }: Now,
): Promise<Missing> {
  const before = await numberOf(client, `SELECT count(*) FROM ${copy}`);
  const rows = Math.max(0, before - (await numberOf(client, `SELECT count(*) FROM (${source}) n`)));
  const list = kept.map(({ number }) => `c_${number}`).join(', ');
  const other = await numberOf(
    client,
    `SELECT count(*) FROM (SELECT ${list} FROM ${copy} EXCEPT ALL SELECT ${list} FROM (${source}) n) x`,
  );
  let values = other - rows;
  for (const { number } of goneColumns) {
    values += await numberOf(client, `SELECT count(c_${number}) FROM ${copy}`);
  }
  return { rows, values, changedRows: other - rows };
}

/**
 * A column's values as text, as they would be in the type that they had: what a change of type does not lose can be
 * changed back.
 */
async function asBefore(
  client: pg.Client,
  { relation, name, type }: ColumnRow,
  typeBefore: string,
): Promise<string> {
  const column = pg.escapeIdentifier(name);
  if (type === typeBefore) return `${column}::text`;
  const { rows } = await client.query(
    `SELECT to_regtype($1) IS NOT NULL AS exists, $2::oid::regclass::text AS of`,
    [typeBefore, relation],
  );
  if (!rows[0].exists) return `${column}::text`;
  for (const way of [
    `(${column}::${typeBefore})::text`,
    `(${column}::text::${typeBefore})::text`,
  ]) {
    if (await works(client, `SELECT ${way} FROM ONLY ${rows[0].of}`)) return way;
  }
  return `${column}::text`;
}

async function works(client: pg.Client, sql: string): Promise<boolean> {
  await client.query('SAVEPOINT trial');
  try {
    await client.query(`SELECT count(x) FROM (${sql}) AS t (x)`);
    return true;
  } catch {
    await client.query('ROLLBACK TO trial');
    return false;
  } finally {
    await client.query('RELEASE trial');
  }
}
