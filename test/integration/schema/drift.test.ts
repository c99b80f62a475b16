import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Drift,
  type DriftChange,
  findDrift,
  type RecordedSchema,
} from '../../../src/features/schema/drift.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import type { Session } from '../../../src/postgres/session.js';
import { openSession } from '../../support/open-session.js';
import {
  createTestDatabase,
  createTestRole,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
  testServers,
  withSession,
} from '../../support/servers.js';

const shop = `
  CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, total numeric, note text, state text);
  CREATE TABLE old (id int);
  CREATE VIEW totals AS SELECT sum(total) AS total FROM orders;
  CREATE FUNCTION twice(a int) RETURNS int LANGUAGE sql RETURN a * 2;
  INSERT INTO orders (total, state) VALUES (1, 'open'), (2, 'open');
`;

async function run(url: string, sql: string): Promise<void> {
  await withSession(url, (client) => client.query(sql));
}

async function record(session: Session): Promise<RecordedSchema> {
  const model = await readSchemaModel(session);
  const { at } = await session.queryOne<{ at: Date }>('SELECT clock_timestamp() AS at');
  return { model, entry: { version: '7', at: at.toISOString() } };
}

const changed = (drift: Drift, name: string): DriftChange => {
  const found = drift.changes.find((change) => change.name === name);
  if (!found) throw new Error(`${name} is not among the changes`);
  return found;
};

const named = ({ changes }: Drift): string[] =>
  changes.map(({ kind, object, name }) => `${kind} ${object} ${name}`);

describe.each(testServers())('drift on $name', (server) => {
  let database: TestDatabase;
  let session: Session;
  let recorded: RecordedSchema;

  beforeAll(async () => {
    database = await createTestDatabase(server, { sql: shop });
    session = await openSession(database.url);
  });
  afterAll(async () => {
    await session?.close();
    await database?.drop();
  });
  beforeEach(async () => {
    recorded = await record(session);
  });

  /** What is found after a change, which is taken back. */
  const driftAfter = async (sql: string): Promise<Drift> => {
    await session.execute(`BEGIN; SET LOCAL search_path = public; ${sql}`, 'changing the schema');
    try {
      return await findDrift(session, recorded);
    } finally {
      await session.execute('ROLLBACK', 'taking it back');
    }
  };

  it('is none where nothing changed, and where only rows, sequences, statistics and the order of columns did', async () => {
    const drift = await driftAfter(`
      INSERT INTO orders (total) VALUES (3); DELETE FROM orders WHERE id = 1; ANALYZE orders;
      ALTER TABLE orders DROP COLUMN state; ALTER TABLE orders ADD COLUMN state text;
      ALTER TABLE orders DROP COLUMN note; ALTER TABLE orders ADD COLUMN note text`);
    expect(drift.changes).toEqual([]);
    expect(drift).toMatchObject({ drifted: false, notes: [], recorded: { version: '7' } });
    expect(drift.live.checksum).toBe(drift.recorded.checksum);
  });

  it.each([
    ['CREATE INDEX by_total ON orders (total)', 'added index public.by_total', 'SAFE'],
    ['ALTER TABLE orders DROP COLUMN note', 'removed column public.orders.note', 'DATA_LOSS'],
    ['DROP TABLE old', 'removed table public.old', 'UNSAFE'],
    [
      'ALTER TABLE orders ALTER state SET NOT NULL',
      'changed column public.orders.state',
      'DATA_LOSS',
    ],
    ['ALTER TABLE old OWNER TO pg_database_owner', 'changed table public.old', 'SAFE'],
    ['GRANT SELECT ON old TO PUBLIC', 'changed table public.old', 'SAFE'],
    [
      'CREATE OR REPLACE VIEW totals AS SELECT 1::numeric AS total',
      'changed view public.totals',
      'SAFE',
    ],
    ['DROP FUNCTION twice(int)', 'removed function public.twice(integer)', 'SAFE'],
    [`COMMENT ON TABLE old IS 'x'`, 'changed table public.old', 'SAFE'],
  ])('is found after %s', async (sql, change, safety) => {
    const drift = await driftAfter(sql);
    expect(named(drift)).toEqual([change]);
    expect(drift.drifted).toBe(true);
    expect(drift.changes[0]?.safety).toBe(safety);
    expect(drift.live.checksum).not.toBe(drift.recorded.checksum);
  });

  it('says whose the object is, and plainly what the server does not know', async () => {
    const drift = await driftAfter(
      'ALTER TABLE orders ADD COLUMN discount int; DROP TABLE old; ALTER VIEW totals OWNER TO pg_monitor',
    );
    const nothing = { changedAt: null, by: null, statement: null };
    expect(changed(drift, 'public.orders.discount').seen).toEqual({
      owner: 'postgres',
      ...nothing,
    });
    expect(changed(drift, 'public.totals').seen).toEqual({ owner: 'pg_monitor', ...nothing });
    expect(changed(drift, 'public.old').seen).toBeNull();
    expect(drift.notes).toEqual([
      expect.stringContaining('when: not known, track_commit_timestamp is off'),
      expect.stringContaining('pg_stat_statements is not loaded'),
    ]);
  });

  it('names the session that is still there, and its statement without the constants in it', async () => {
    await withSession(database.url, async (client) => {
      await client.query(`SET application_name = 'editor'`);
      await client.query(
        `/* by hand */ ALTER TABLE orders ALTER state SET DEFAULT 's3cret', ALTER state SET NOT NULL`,
      );
      try {
        const drift = await findDrift(session, recorded);
        expect(named(drift)).toEqual(['changed column public.orders.state']);
        expect(changed(drift, 'public.orders.state').seen).toEqual({
          owner: 'postgres',
          changedAt: null,
          by: expect.stringMatching(/^postgres \(editor, 127\.0\.0\.1\)$/),
          statement: `ALTER TABLE orders ALTER state SET DEFAULT '…', ALTER state SET NOT NULL`,
        });
      } finally {
        await client.query(
          'ALTER TABLE orders ALTER state DROP DEFAULT, ALTER state DROP NOT NULL',
        );
      }
      // What ran before the schema was recorded is no trace of what came after.
      recorded = await record(session);
      const later = await driftAfter('ALTER TABLE orders ALTER state SET NOT NULL');
      expect(changed(later, 'public.orders.state').seen?.statement).toBeNull();
    });
  });

  it('is the same for a role without any right, which is told what it cannot see', async () => {
    const role = await createTestRole(server);
    const other = await openSession(role.urlFor(database.url));
    try {
      await run(database.url, 'CREATE INDEX by_state ON orders (state)');
      const drift = await findDrift(other, recorded);
      expect(named(drift)).toEqual(['added index public.by_state']);
    } finally {
      await run(database.url, 'DROP INDEX IF EXISTS by_state');
      await other.close();
      await role.drop();
    }
  });

  it('says what it does not compare', async () => {
    const drift = await driftAfter(`
      CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 password=s3cret' PUBLICATION p
        WITH (connect = false, slot_name = NONE)`);
    expect(drift.drifted).toBe(false);
    expect(drift.notes).toEqual([
      'not compared: subscription feed (it was not there when the schema was recorded)',
    ]);
  });
});

describe.each(testServers())('drift on $name that keeps traces', ({ major }) => {
  let server: ThrowawayServer;
  let database: TestDatabase;
  let session: Session;

  beforeAll(async () => {
    server = await startThrowawayServer({
      major,
      settings: { track_commit_timestamp: 'on', shared_preload_libraries: 'pg_stat_statements' },
    });
    database = await createTestDatabase(server, {
      sql: `CREATE SCHEMA watching; CREATE EXTENSION pg_stat_statements SCHEMA watching; ${shop}`,
    });
    session = await openSession(database.url);
  });
  afterAll(async () => {
    await session?.close();
    await server?.remove();
  });
  afterEach(() => run(database.url, 'SELECT watching.pg_stat_statements_reset()'));

  const lastCommit = (): Promise<string> =>
    withSession(database.url, async (client) => {
      const { rows } = await client.query('SELECT timestamp FROM pg_last_committed_xact()');
      return rows[0].timestamp.toISOString();
    });

  it('says when, who and how of what was added, changed and removed', async () => {
    const role = await createTestRole(server, 'SUPERUSER');
    const recorded = await record(session);
    const url = role.urlFor(database.url);
    const times: string[] = [];
    for (const sql of [
      `CREATE TABLE invoices (id int, note text DEFAULT 'x')`,
      `CREATE OR REPLACE VIEW totals AS SELECT 5::numeric AS total`,
      'ALTER TABLE orders DROP COLUMN note',
      'DROP TABLE old',
      `COMMENT ON COLUMN orders.state IS 'open or not'`,
    ]) {
      await run(url, sql);
      times.push(await lastCommit());
    }
    const drift = await findDrift(session, recorded);
    const by = role.name;
    const seen = Object.fromEntries(drift.changes.map(({ name, seen }) => [name, seen]));
    expect(seen).toEqual({
      'public.invoices': {
        ...{ owner: role.name, changedAt: times[0], by },
        statement: `CREATE TABLE invoices (id int, note text DEFAULT '…')`,
      },
      'public.totals': {
        ...{ owner: 'postgres', changedAt: times[1], by },
        statement: expect.stringMatching(/^CREATE OR REPLACE VIEW totals AS SELECT/),
      },
      'public.orders.note': {
        ...{ owner: 'postgres', changedAt: times[2], by },
        statement: 'ALTER TABLE orders DROP COLUMN note',
      },
      'public.old': {
        ...{ owner: 'postgres', changedAt: null, by },
        statement: 'DROP TABLE old',
      },
      'public.orders.state': {
        ...{ owner: 'postgres', changedAt: times[4], by },
        statement: `COMMENT ON COLUMN orders.state IS '…'`,
      },
    });
    expect(drift.notes).toEqual([
      'when: not known of all changes; of what was removed the server keeps no time',
      expect.stringContaining('who: taken from statements that name the object'),
    ]);
  });
});
