import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { lossesOf, type ToolProject, withTool } from '../../support/rehearsal-tools.js';
import { testServers } from '../../support/servers.js';

/** Not every installation has the program; the one of another version does as well. */
const psql = testServers()
  .map(({ binDir }) => join(binDir, 'psql'))
  .find((file) => existsSync(file));

const first = `
  CREATE TABLE IF NOT EXISTS accounts (id int PRIMARY KEY, owner text, balance numeric(10,2));
  CREATE TABLE IF NOT EXISTS "Log; of all" (line text);`;

const project: ToolProject = {
  files: { 'migrate.sql': first },
  command: ['sh', '-c', `'${psql}' -X -q -v ON_ERROR_STOP=1 -f migrate.sql "$DATABASE_URL"`],
  seed: `
    INSERT INTO accounts SELECT n, 'owner ' || n, n * 100.25 FROM generate_series(1, 6) n;
    INSERT INTO "Log; of all" SELECT 'line ' || n % 3 FROM generate_series(1, 9) n`,
  last: {
    'more.csv': '7,seven,1.00\n8,eight,\n',
    'migrate.sql': `
      \\set limit 2
      BEGIN;
      DELETE FROM accounts WHERE id <= :limit;
      UPDATE accounts SET balance = NULL WHERE id = 3;
      COMMIT;
      \\copy accounts FROM 'more.csv' WITH (FORMAT csv)
      BEGIN;
      DELETE FROM accounts;
      ROLLBACK;
      DELETE FROM "Log; of all" WHERE ctid IN (SELECT min(ctid) FROM "Log; of all" WHERE line = 'line 1');
      VACUUM FULL accounts;`,
  },
};

const done = {
  'public.accounts': {
    ...{ change: 'kept', rowsInserted: 2, rowsDeleted: 2, rowsUpdated: 1, valuesLost: 1 },
    columns: ['balance kept, 1 lost'],
  },
  'public.Log; of all': { change: 'kept', rowsDeleted: 1, columns: [] },
};

describe.runIf(psql !== undefined).each(testServers())('psql, rehearsed on $name', (server) => {
  it('finds the copy by the URL in its environment, in a shell too', () =>
    withTool(server, project, async (scene) => {
      const { exitCode, stderr, rehearsal } = await scene.rehearse();
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      expect(lossesOf(rehearsal)).toEqual(done);
      expect(rehearsal).toMatchObject({ ok: true, recordsLost: 4, valuesChanged: 0 });
      expect(rehearsal.untouched).toMatchObject({ status: 'proven' });
      await scene.expectUntouched();
      expect(await scene.migrate()).toBe(0);
      await scene.expectFulfilled(rehearsal);
    }));

  it('finds the copy by the variables of libpq', () =>
    withTool(server, project, async (scene) => {
      const command = [`${psql}`, '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', 'migrate.sql'];
      const { exitCode, stdout, stderr, json } = await scene.belay([
        ...['rehearse', '--json', '--', ...command],
      ]);
      expect({ exitCode, stdout, stderr }).toMatchObject({ exitCode: 0 });
      expect(lossesOf(json)).toEqual(done);
      await scene.expectUntouched();
    }));

  it('that fails halfway leaves what it had committed on the copy alone', () =>
    withTool(server, project, async (scene) => {
      scene.write({
        'migrate.sql': 'DELETE FROM accounts WHERE id > 4;\nSELECT 1 / 0;\nDELETE FROM accounts;\n',
      });
      const { exitCode, rehearsal } = await scene.rehearse();
      expect(exitCode).toBe(7);
      // That of psql, where a statement of a script failed.
      expect(rehearsal).toMatchObject({ ok: false, exitCode: 3, recordsLost: 2 });
      await scene.expectUntouched();
      expect(await scene.migrate()).toBe(3);
      await scene.expectFulfilled(rehearsal);
    }));

  it('of a script with steps of several kinds is rehearsed as one migration', () =>
    withTool(
      server,
      {
        ...project,
        files: { 'migrate.sh': `set -e\n${psqlWith(first)}` },
        command: ['sh', './migrate.sh'],
        last: {
          'migrate.sh': `set -eu
            ${psqlWith('ALTER TABLE accounts RENAME owner TO holder')}
            ${psqlWith('ALTER TABLE accounts ALTER balance TYPE int')}
            for n in 1 2 3; do
              ${psqlWith('DELETE FROM accounts WHERE id = $n')}
            done
            ( ${psqlWith('TRUNCATE "Log; of all"')} ) &
            wait`,
        },
      },
      async (scene) => {
        const { exitCode, stderr, rehearsal } = await scene.rehearse();
        expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
        expect(lossesOf(rehearsal)).toEqual({
          // 401.00 is 401, and three are gone: two of the rest are rounded.
          'public.accounts': {
            ...{ change: 'kept', rowsDeleted: 3, rowsUpdated: 2, valuesChanged: 2 },
            columns: ['owner → holder kept', 'balance retyped, 2 changed'],
          },
          'public.Log; of all': { change: 'kept', rowsDeleted: 9, columns: [] },
        });
        await scene.expectUntouched();
        expect(await scene.migrate()).toBe(0);
        await scene.expectFulfilled(rehearsal);
      },
    ));
});

/** A line of a shell script. */
function psqlWith(sql: string): string {
  return `'${psql}' -X -q -v ON_ERROR_STOP=1 -c "${sql.replaceAll('"', '\\"')}" "$DATABASE_URL"`;
}
