import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createTestDatabase,
  type TestDatabase,
  testServers,
  withSession,
} from '../support/servers.js';

describe.each(testServers())('test support on $name', (server) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createTestDatabase(server, {
      name: 'odd "name" -x=%',
      sql: 'CREATE TABLE t (a int); INSERT INTO t VALUES (1);',
    });
  });
  afterAll(() => database.drop());

  it('gives a database of its own on a server of this version', async () => {
    const { rows } = await withSession(database.url, (client) =>
      client.query(`SELECT a, current_setting('server_version_num')::int / 10000 AS major FROM t`),
    );
    expect(rows).toEqual([{ a: 1, major: server.major }]);
  });

  it('drops it and what Belay made for it, and nothing else', async () => {
    const mine = await createTestDatabase(server, { name: 'mine' });
    const copy = await createTestDatabase(server, { name: 'copy' });
    const other = await createTestDatabase(server, { name: 'other' });
    await withSession(server.adminUrl, async (client) => {
      const record = (name: string) =>
        JSON.stringify({ belay: 1, snapshot: { target: { database: name } } });
      await client.query(`COMMENT ON DATABASE "${copy.name}" IS '${record(mine.name)}'`);
      await client.query(`COMMENT ON DATABASE "${other.name}" IS '${record('elsewhere')}'`);
    });
    await mine.drop();
    const left = await withSession(server.adminUrl, (client) =>
      client.query('SELECT datname FROM pg_database WHERE datname = ANY ($1)', [
        [mine.name, copy.name, other.name],
      ]),
    );
    expect(left.rows).toEqual([{ datname: other.name }]);
    await other.drop();
  });
});
