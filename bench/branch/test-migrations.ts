import type pg from 'pg';

/** As many as a project has after a year or two. */
const count = 50;

/** One of each kind that projects have: tables with keys and indexes, columns, constraints, views, functions, rows. */
const kinds: readonly ((n: number) => string)[] = [
  (
    n,
  ) => `CREATE TABLE things_${n} (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL,
            owner int REFERENCES people, price numeric(10, 2) NOT NULL DEFAULT 0, made_at timestamptz NOT NULL DEFAULT now());
          CREATE INDEX ON things_${n} (owner); CREATE INDEX ON things_${n} (made_at DESC)`,
  (
    n,
  ) => `ALTER TABLE things_${n - 1} ADD COLUMN note text, ADD COLUMN data jsonb NOT NULL DEFAULT '{}';
          CREATE INDEX ON things_${n - 1} USING gin (data)`,
  (
    n,
  ) => `INSERT INTO things_${n - 2} (name, owner) SELECT 'thing ' || i, 1 FROM generate_series(1, 20) AS i;
          ALTER TABLE things_${n - 2} ADD CONSTRAINT things_${n}_price CHECK (price >= 0)`,
  (
    n,
  ) => `CREATE VIEW named_${n} AS SELECT t.id, t.name, p.name AS owner FROM things_${n - 3} t LEFT JOIN people p ON p.id = t.owner;
          CREATE FUNCTION touch_${n}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.made_at := now(); RETURN NEW; END';
          CREATE TRIGGER touch BEFORE UPDATE ON things_${n - 3} FOR EACH ROW EXECUTE FUNCTION touch_${n}()`,
  (n) =>
    `CREATE TYPE state_${n} AS ENUM ('new', 'paid', 'sent'); ALTER TABLE things_${n - 4} ADD COLUMN state state_${n} NOT NULL DEFAULT 'new'`,
];

/** The migrations of a project, as one script each. */
export const testMigrations: readonly string[] = Array.from({ length: count }, (_, n) =>
  n === 0
    ? `CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL UNIQUE); INSERT INTO people VALUES (1, 'Ada')`
    : (kinds[(n - 1) % kinds.length] as (n: number) => string)(n),
);

/** The least that any migration tool does: a table of what is applied, and one transaction for each migration. */
export async function migrate(client: pg.Client): Promise<void> {
  await client.query('CREATE TABLE schema_migrations (version int PRIMARY KEY)');
  for (const [version, sql] of testMigrations.entries()) {
    await client.query('BEGIN');
    await client.query(sql);
    await client.query('INSERT INTO schema_migrations VALUES ($1)', [version]);
    await client.query('COMMIT');
  }
}
