import { describe, expect, it } from 'vitest';
import { lossesOf, type ToolProject, withTool } from '../../support/rehearsal-tools.js';
import { testServers } from '../../support/servers.js';

/** Drops the database and makes it anew, as the "reset" of many a tool does. */
const reset = (statements: string) => `
  import pg from 'pg';
  const url = new URL(process.env.DATABASE_URL);
  const name = pg.escapeIdentifier(decodeURIComponent(url.pathname.slice(1)));
  const server = new URL(url);
  server.pathname = '/postgres';
  const admin = new pg.Client(server.href);
  await admin.connect();
  await admin.query('DROP DATABASE ' + name + ' WITH (FORCE)');
  await admin.query('CREATE DATABASE ' + name + ' TEMPLATE template0');
  await admin.end();
  const client = new pg.Client(url.href);
  await client.connect();
  await client.query(${JSON.stringify(statements)});
  await client.end();`;

const schema = `
  CREATE TABLE items (id int PRIMARY KEY, name text);
  CREATE TABLE more (id int);`;

const project: ToolProject = {
  files: { 'reset.mjs': reset(schema) },
  command: [process.execPath, 'reset.mjs'],
  seed: `
    INSERT INTO items SELECT n, 'item ' || n FROM generate_series(1, 7) n;
    INSERT INTO more VALUES (1), (1)`,
  // The seed of a developer: two of the items, and one has another name.
  last: {
    'reset.mjs': reset(`${schema}
      INSERT INTO items VALUES (1, 'item 1'), (2, 'sample'), (99, 'sample');`),
  },
};

describe.each(testServers())('a reset by drop and create, rehearsed on $name', (server) => {
  it('is seen to lose everything that it does not make again, and the real database stays', () =>
    withTool(server, project, async (scene) => {
      const { exitCode, stderr, rehearsal } = await scene.rehearse();
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      expect(lossesOf(rehearsal)).toEqual({
        'public.items': {
          ...{ change: 'remade', rowsInserted: 1, rowsDeleted: 5, rowsUpdated: 1 },
          ...{ valuesChanged: 1, columns: ['name kept, 1 changed'] },
        },
        'public.more': { change: 'remade', rowsDeleted: 2, columns: [] },
      });
      expect(rehearsal).toMatchObject({ ok: true, recordsLost: 7 });
      expect(rehearsal.untouched).toMatchObject({ status: 'proven' });
      await scene.expectUntouched();
    }));
});
