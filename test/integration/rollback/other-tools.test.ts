import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findDumpableServer } from '../../support/dump-tools.js';
import { makeMigrationProject } from '../../support/migration-project.js';
import { createTestDatabase, type TestDatabase } from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';

const knex = createRequire(import.meta.url).resolve('knex');

/** A migration of Knex that nobody wrote a way down for. */
const migration = (up: string) => `exports.up = (knex) => knex.raw(${JSON.stringify(up)});
exports.down = () => { throw new Error('nobody wrote a way down'); };`;

const migrate = `const knex = require(${JSON.stringify(knex)})(require('./knexfile.js'));
knex.migrate.latest().finally(() => knex.destroy());`;

const knexfile = `module.exports = { client: 'pg', connection: process.env.DATABASE_URL, migrations: { directory: './migrations' } };`;

describe('a tool whose migrations have no way down', () => {
  let database: TestDatabase;
  beforeEach(async () => {
    const { server } = await findDumpableServer();
    database = await createTestDatabase(server, { name: 'tool' });
  });
  afterEach(() => database.drop());

  it('is recorded by the gate, goes back by the recorded schemas, and can go on', async () => {
    const { belay, url, write, folder } = makeMigrationProject(database.url);
    write('knexfile.js', knexfile);
    write('migrate.js', migrate);
    write(
      'migrations/20260101_users.js',
      migration('CREATE TABLE users (id int PRIMARY KEY, email text)'),
    );
    const gate = ['run', '--checkpoint', '--', process.execPath, join(folder, 'migrate.js')];
    expect(await belay(gate)).toMatchObject({ ok: true, schema: { version: '20260101' } });

    await run(url, `INSERT INTO users VALUES (1, 'a'), (2, NULL)`);
    write(
      'migrations/20260202_phone.js',
      migration('ALTER TABLE users ADD phone text; CREATE TABLE calls (at date)'),
    );
    await belay(gate);
    await run(url, `UPDATE users SET phone = '1'; INSERT INTO calls VALUES ('2026-01-01')`);
    const { versions } = await belay(['schema', 'graph']);
    expect(
      versions.map(({ version, parents }: { version: string; parents: string[] }) => [
        version,
        parents,
      ]),
    ).toEqual([
      ['20260202', ['20260101']],
      ['20260101', []],
    ]);
    expect(await belay(['schema', 'drift'])).toMatchObject({ drifted: false });

    const plan = await belay(['rollback', 'plan', '20260101']);
    expect(plan).toMatchObject({ migrations: ['20260202'], overallSafety: 'UNSAFE', proven: true });
    expect(plan.steps).toMatchObject([{ source: 'diff' }]);
    expect(plan.issues.map(({ rowsLost }: { rowsLost: number }) => rowsLost).sort()).toEqual([
      1, 2,
    ]);
    await belay(['rollback', '20260101', '--force', '--keep', 'checkpoint']);
    expect(await rowsOf(url, 'SELECT * FROM users ORDER BY id')).toEqual([
      { id: 1, email: 'a' },
      { id: 2, email: null },
    ]);
    expect(await rowsOf(url, 'SELECT name FROM knex_migrations')).toEqual([
      { name: '20260101_users.js' },
    ]);

    expect(await belay(['migrate', 'status'])).toMatchObject({
      ...{ tool: 'knex', applied: [{ version: '20260101' }], pending: [{ version: '20260202' }] },
    });

    // The tool applies it again, as if it had never been there.
    await belay(gate);
    expect(await rowsOf(url, 'SELECT phone FROM users ORDER BY id')).toEqual([
      { phone: null },
      { phone: null },
    ]);
    expect(await belay(['migrate', 'up'], 5)).toMatchObject({ error: { code: 'OTHER_TOOL' } });
  }, 120_000);
});
