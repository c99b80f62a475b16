import pg from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { checkReplication } from '../../../src/features/doctor/check-replication.js';
import type { Target } from '../../../src/features/target/open-target.js';
import type { Session } from '../../../src/postgres/session.js';
import { readPlacedTables } from '../../../src/postgres/shadow/read-mapping.js';
import {
  type CreateReplicationOptions,
  canReplicate,
  createReplication,
  dropReplication,
  findPublications,
  findReplicationLeftovers,
  readPublished,
  readSlotHold,
} from '../../../src/postgres/shadow/replication.js';
import { openSession } from '../../support/open-session.js';
import { createPair, type ReplicatedPair, rowsOf } from '../../support/replicated-pair.js';
import {
  createTestDatabase,
  createTestRole,
  startThrowawayServer,
  type TestServer,
  testServers,
  withSession,
} from '../../support/servers.js';

const items = 'CREATE TABLE items (id int PRIMARY KEY, name text)';
let count = 0;
const newId = () => {
  count += 1;
  return `s${process.pid.toString(36)}${count.toString(36)}`.padEnd(12, '0');
};

/** What is closed, ended and dropped after each test, last first. */
const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function databaseOn(server: TestServer, sql = items, owner?: string) {
  const database = await createTestDatabase(server, { name: 'slots', owner });
  cleanUp.push(() => database.drop());
  await withSession(database.url, (client) => client.query(sql));
  return database;
}

async function sessionOn(url: string): Promise<Session> {
  const session = await openSession(url);
  cleanUp.push(() => session.close());
  return session;
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  cleanUp.push(() => client.end());
  return client;
}

/** Reads the slot as a subscriber does, for as long as the connection lasts. */
async function stream(pair: ReplicatedPair, application: string): Promise<pg.Client> {
  const { slot, publication } = pair.replication;
  const config = {
    connectionString: pair.url,
    application_name: application,
    replication: 'database',
  };
  const client = new pg.Client(config);
  client.on('error', () => {});
  await client.connect();
  cleanUp.push(() => client.end());
  client
    .query(
      `START_REPLICATION SLOT ${slot} LOGICAL 0/0 (proto_version '1', publication_names '${publication}')`,
    )
    .catch(() => {});
  for (;;) {
    const [row] = await rowsOf(
      pair.url,
      `SELECT a.application_name AS reader FROM pg_replication_slots s
         JOIN pg_stat_activity a ON a.pid = s.active_pid WHERE s.slot_name = '${slot}'`,
    );
    if (row?.reader === application) return client;
  }
}

async function replicate(session: Session, options: CreateReplicationOptions = {}) {
  const tables = await readPlacedTables(session);
  const replication = await createReplication(session, newId(), tables, {
    // Transactions of other tests on the server are waited for, too.
    slotTimeoutMs: 45_000,
    ...options,
  });
  cleanUp.push(() => dropReplication(session, replication));
  return replication;
}

const slotsOf = (server: TestServer, name: string) =>
  rowsOf(server.adminUrl, `SELECT slot_name FROM pg_replication_slots WHERE database = '${name}'`);

describe.each(testServers())('slots and publications on $name', (server) => {
  it('are made together, told apart from others, and dropped in any state', async () => {
    const database = await databaseOn(server);
    const session = await sessionOn(database.url);
    await session.execute('CREATE PUBLICATION belay_shadow_of_a_user', 'testing');
    const replication = await replicate(session);
    const { slot, publication } = replication;
    expect(await findPublications(session)).toEqual([publication]);
    expect(await readPublished(session, publication)).toEqual(replication.published);
    const mine = async (used: string[]) =>
      (await findReplicationLeftovers(session, new Set(used))).filter(({ name }) => name === slot);
    expect((await mine([])).map(({ kind, database: where }) => [kind, where])).toEqual([
      ['publication', database.name],
      ['slot', database.name],
    ]);
    expect(await mine([slot])).toEqual([]);

    await session.execute(`DROP PUBLICATION ${publication}`, 'testing');
    await dropReplication(session, replication);
    await dropReplication(session, replication);
    expect(await slotsOf(server, database.name)).toEqual([]);

    const second = await replicate(session);
    await session.query('SELECT pg_drop_replication_slot($1)', [second.slot]);
    await dropReplication(session, second);
    expect(await findPublications(session)).toEqual([]);
  });

  it('a reader that a killed Belay has left is ended, that of another program is not', async () => {
    const pair: ReplicatedPair = await createPair(server, { sql: items });
    cleanUp.push(() => pair.drop());
    const read = async () => [...(await pair.read({ readerWaitMs: 300 })).changes.values()].flat();
    await pair.run(`INSERT INTO items VALUES (1, 'x')`);
    await stream(pair, 'belay shadow-sync 1@host');
    expect(await read()).toHaveLength(1);
    const other = await stream(pair, 'cdc of somebody');
    const busy = {
      code: 'REPLICATION_IN_THE_WAY',
      message: expect.stringContaining('cdc of somebody'),
    };
    await expect(read()).rejects.toMatchObject(busy);
    await expect(dropReplication(pair.source, pair.replication, 300)).rejects.toMatchObject(busy);
    await other.end();
    expect(await read()).toHaveLength(1);
  });

  it('wait for transactions at work, but not for ever, and leave nothing behind then', async () => {
    const database = await databaseOn(server);
    const session = await sessionOn(database.url);
    const writer = await connect(database.url);
    await writer.query(`BEGIN; INSERT INTO items VALUES (1, 'at work')`);
    await expect(replicate(session, { slotTimeoutMs: 300 })).rejects.toMatchObject({
      code: 'CANCELED_BY_SERVER',
      message: expect.stringContaining('0.3 s'),
    });
    expect(await slotsOf(server, database.name)).toEqual([]);
    expect(await findPublications(session)).toEqual([]);
    await writer.query('COMMIT');
    await replicate(session);
  });

  it('say that a table is locked, and leave nothing behind then', async () => {
    const database = await databaseOn(server);
    const session = await sessionOn(database.url);
    const locker = await connect(database.url);
    await locker.query('BEGIN; LOCK TABLE items IN SHARE UPDATE EXCLUSIVE MODE');
    await expect(replicate(session, { lockTimeoutMs: 50 })).rejects.toMatchObject({
      code: 'LOCK_TIMEOUT',
    });
    expect(await findPublications(session)).toEqual([]);
    await locker.query('ROLLBACK');
  });

  it('are not made where no table can be published', async () => {
    const database = await databaseOn(server, 'CREATE TABLE keyless (n int)');
    const session = await sessionOn(database.url);
    await expect(replicate(session)).rejects.toMatchObject({ code: 'TABLE_NOT_FOUND' });
    expect(await findPublications(session)).toEqual([]);
  });

  it('need the right to replicate, and only own tables are published', async () => {
    const role = await createTestRole(server);
    cleanUp.push(() => role.drop());
    const database = await databaseOn(server, `${items}; CREATE TABLE own (id int PRIMARY KEY)`);
    await withSession(database.url, (client) =>
      client.query(`ALTER TABLE own OWNER TO ${role.name}`),
    );
    const limited = () => sessionOn(role.urlFor(database.url));
    expect(await canReplicate(await limited())).toEqual({
      possible: false,
      why: `role "${role.name}" has not the attribute REPLICATION`,
    });
    await rowsOf(server.adminUrl, `ALTER ROLE ${role.name} REPLICATION`);
    expect((await canReplicate(await limited())).why).toContain('may not create a publication');
    await rowsOf(server.adminUrl, `ALTER DATABASE ${database.name} OWNER TO ${role.name}`);
    const session = await limited();
    expect(await canReplicate(session)).toEqual({ possible: true, why: null });
    const { published, leftOut } = await replicate(session);
    expect(published).toHaveLength(1);
    expect(leftOut).toMatchObject([{ table: 'public.items', why: 'it belongs to another role' }]);
    const [hold] = (await readSlotHold(session)).filter((one) => one.database === database.name);
    expect(hold).toMatchObject({ active: false, walStatus: 'reserved', isBelays: true });
  });

  it('are not possible in a database without an encoding', async () => {
    const database = await databaseOn(server);
    await withSession(server.adminUrl, async (client) => {
      await client.query(`DROP DATABASE ${database.name}`);
      await client.query(
        `CREATE DATABASE ${database.name} TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'`,
      );
    });
    const { possible, why } = await canReplicate(await sessionOn(database.url));
    expect([possible, why]).toEqual([false, 'the encoding of the database is SQL_ASCII']);
  });
});

describe('servers that', () => {
  const major = Math.min(...testServers().map((server) => server.major));

  async function serverWith(settings: Record<string, string>): Promise<TestServer> {
    const server = await startThrowawayServer({ major, settings });
    cleanUp.push(() => server.remove());
    return server;
  }

  it('have another wal_level cannot replicate', async () => {
    const server = await serverWith({ wal_level: 'replica', max_replication_slots: '1' });
    const { possible, why } = await canReplicate(await sessionOn(server.adminUrl));
    expect([possible, why]).toEqual([false, 'wal_level is replica, not logical']);
  });

  it('remove WAL that a slot needs, or have no slot left, are told about', async () => {
    const server = await serverWith({
      ...{ max_replication_slots: '2', max_slot_wal_keep_size: '144MB', max_wal_size: '64MB' },
      min_wal_size: '32MB',
    });
    const pair = await createPair(server, { sql: items });
    cleanUp.push(() => pair.drop());
    const main = await sessionOn(server.adminUrl);
    const target = { main, database: pair.source.database } as Target;
    expect(await checkReplication(target)).toMatchObject({ status: 'ok' });

    await rowsOf(pair.url, `SELECT pg_create_logical_replication_slot('of_a_user', 'pgoutput')`);
    const rights = await canReplicate(pair.source);
    expect([rights.possible, rights.why]).toEqual([
      false,
      'all 2 replication slots of the server are taken (max_replication_slots)',
    ]);

    const write = (megabytes: number) =>
      pair.run(
        `SELECT pg_logical_emit_message(false, '', repeat('x', 1000000)) FROM generate_series(1, ${megabytes})`,
      );
    await write(80);
    const warned = await checkReplication(target);
    expect(warned.status).toBe('warn');
    expect(warned.detail).toContain(pair.replication.slot);
    expect(warned.detail).toContain('"of_a_user"');
    expect(warned.hint).toContain('belay shadow sync');

    await write(180);
    await pair.run('CHECKPOINT');
    const failed = await checkReplication(target);
    expect(failed.status).toBe('fail');
    expect(failed.detail).toContain('is lost');
    await expect(pair.read()).rejects.toMatchObject({
      code: 'REPLICATION_IN_THE_WAY',
      details: { lost: true },
    });
  });
});
