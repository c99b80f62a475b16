import { afterEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../support/servers.js';
import { failure, rowsOf, run } from '../../support/targets.js';
import { dumpServers, restore, schemaOf, snapshot } from './tables.js';

describe.each(dumpServers())('partitioned tables that are gone, on $name', (server) => {
  let database: TestDatabase | undefined;
  afterEach(async () => {
    await database?.drop();
    database = undefined;
  });

  const sql = `
    CREATE TABLE accounts (id int PRIMARY KEY); INSERT INTO accounts VALUES (1), (2);
    CREATE TABLE events (id serial, at date NOT NULL, account int REFERENCES accounts, note text DEFAULT 'none',
      before int, PRIMARY KEY (id, at), FOREIGN KEY (before, at) REFERENCES events, CHECK (id > 0)) PARTITION BY RANGE (at);
    CREATE INDEX "by account" ON events (account);
    COMMENT ON INDEX "by account" IS 'kept';
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER touched BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION touch();
    GRANT SELECT ON events TO PUBLIC;
    CREATE TABLE "events old" PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
    CREATE TABLE "events new" PARTITION OF events FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
    CREATE INDEX "only here" ON "events new" (note);
    COMMENT ON INDEX "only here" IS 'its own';
    INSERT INTO events (at, account) SELECT date '2025-12-01' + n, 1 + n % 2 FROM generate_series(1, 60) n;
    CREATE TABLE notes (event int, at date, FOREIGN KEY (event, at) REFERENCES events);
  `;
  const tables = ['public.events old', 'public.events new'];
  const contents = (url: string) =>
    rowsOf(url, 'SELECT tableoid::regclass::text AS part, * FROM events ORDER BY id');

  it('come back with their partitions', async () => {
    database = await createTestDatabase(server, { sql });
    const { url } = database;
    const [schema, rows] = [await schemaOf(url), await contents(url)];
    await snapshot(url);
    await run(url, 'DROP TABLE events CASCADE');
    const result = await restore(url, { tables });
    expect(result.tables.map(({ rows: count }) => count)).toEqual([30, 30]);
    expect(await contents(url)).toEqual(rows);
    // What others had on it is named and not made again.
    const lost = (object: string) => !object.includes('notes_event_at_fkey');
    expect(await schemaOf(url)).toEqual(schema.filter(lost));
    await run(url, `INSERT INTO events (at, account) VALUES ('2026-05-05', 1)`);
    expect(await rowsOf(url, 'SELECT max(id) AS id FROM events')).toEqual([{ id: 61 }]);
    await expect(
      run(url, `INSERT INTO events (at, account) VALUES ('2026-05-05', 3)`),
    ).rejects.toMatchObject({ code: '23503' });
  });

  it('need what they were made of, and leave nothing behind without it', async () => {
    database = await createTestDatabase(server, { sql });
    const { url } = database;
    await snapshot(url);
    await run(url, 'DROP TABLE events CASCADE; DROP FUNCTION touch()');
    const before = await schemaOf(url);
    await failure(restore(url, { tables }), 'RESTORE_FAILED');
    expect(await schemaOf(url)).toEqual(before);
  });
});
