import type pg from 'pg';

/** What the client asks for again and again; one row, by primary key. */
export const probeQuery = 'SELECT balance FROM accounts WHERE id = 1';

const smallTables = 40;

/** Bytes that one account takes with two events of its own and all their indexes; measured. */
const bytesPerAccount = 663;
/** Of the catalogs and the small tables. */
const fixedBytes = 9e6;

/**
 * Like an application's: one wide table, one long one with JSON and three indexes, and many small ones.
 * The text is random, so that pg_dump can't compress it to nothing.
 */
function statements(accounts: number): string[] {
  const small = Array.from(
    { length: smallTables },
    (_, i) => `CREATE TABLE lookup_${i} AS
      SELECT n AS id, md5(n::text) AS label FROM generate_series(1, 200) n;
      ALTER TABLE lookup_${i} ADD PRIMARY KEY (id)`,
  );
  return [
    `CREATE TABLE accounts (id int8 NOT NULL, branch int NOT NULL, balance int NOT NULL, filler text NOT NULL)`,
    `CREATE TABLE events (id bigserial NOT NULL, account_id int8 NOT NULL, at timestamptz NOT NULL, data jsonb NOT NULL)`,
    `INSERT INTO accounts SELECT n, n % 1000, 0, md5(n::text) || md5((n + 1)::text) || repeat(' ', 20)
       FROM generate_series(1, ${accounts}) n`,
    `INSERT INTO events (account_id, at, data)
       SELECT 1 + (n::int8 * 7919) % ${accounts}, '2026-01-01Z'::timestamptz + n * interval '1 s',
              jsonb_build_object('kind', n % 7, 'session', md5((n::int8 * 3)::text), 'note', md5((n::int8 * 5)::text))
         FROM generate_series(1, ${accounts * 2}) n`,
    'ALTER TABLE accounts ADD PRIMARY KEY (id)',
    'ALTER TABLE events ADD PRIMARY KEY (id)',
    'CREATE INDEX ON accounts (branch)',
    'CREATE INDEX ON events (account_id)',
    'CREATE INDEX ON events (at)',
    'ALTER TABLE events ADD FOREIGN KEY (account_id) REFERENCES accounts',
    ...small,
    // As autovacuum leaves a database that has been there for a while.
    'VACUUM (ANALYZE)',
    'CHECKPOINT',
  ];
}

export interface Dataset {
  readonly sizeBytes: number;
  readonly rows: number;
}

/** Fills an empty database to about a size; says what it came to. */
export async function fillDatabase(
  client: pg.Client,
  sizeBytes: number,
  signal: AbortSignal,
): Promise<Dataset> {
  const accounts = Math.round((sizeBytes - fixedBytes) / bytesPerAccount);
  await client.query(`SET maintenance_work_mem = '256MB'`);
  for (const sql of statements(accounts)) {
    signal.throwIfAborted();
    await client.query(sql);
  }
  const { rows } = await client.query('SELECT pg_database_size(current_database()) AS size');
  return { sizeBytes: Number(rows[0].size), rows: accounts * 3 + smallTables * 200 };
}
