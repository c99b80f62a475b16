import { describe, expect, it } from 'vitest';
import { makeMigrationProject } from '../../support/migration-project.js';
import { createTestDatabase, testServers } from '../../support/servers.js';
import { rowsOf, run } from '../../support/targets.js';

// pg_dump of the server's version is there for this one alone.
const servers = testServers().filter(({ major }) => major === 15);

describe.each(servers)('records in a database that was restored from a dump on $name', (server) => {
  it('come back into the tables of their names, whatever the catalogs call them now', async () => {
    const sql = `
      CREATE TABLE gone (a int);
      CREATE TABLE one (dropped int, id int PRIMARY KEY, v text);
      CREATE TABLE two (id int PRIMARY KEY, v text);
      ALTER TABLE one DROP dropped; DROP TABLE gone;
      INSERT INTO one SELECT i, 'one ' || i FROM generate_series(1, 5) i;
      INSERT INTO two SELECT i, 'two ' || i FROM generate_series(1, 5) i;`;
    const db = await createTestDatabase(server, { name: 'restored', sql });
    const copy = `${db.name}_copy`;
    try {
      const migrations = {
        '1_note': ['CREATE TABLE note ();'],
        '2_drop': [
          `ALTER TABLE one DROP v; UPDATE two SET v = 'changed'; DELETE FROM two WHERE id = 1;`,
        ],
      } as const;
      const env = { BELAY_DRILL_SERVER: server.adminUrl };
      const project = makeMigrationProject(db.url, migrations, env);
      await project.belay(['migrate', 'up', '--backup', 'database']);
      await project.belay(['checkpoint', '--tag', 'later']);
      await project.belay(['restore', 'later', '--to', copy]);
      const url = db.url.replace(db.name, copy);
      // Where the catalogs had the one table they have the other now.
      const oid = (name: string, of: string) =>
        rowsOf(of, `SELECT '${name}'::regclass::oid::int AS oid`);
      const [was] = await oid('one', db.url);
      await run(
        url,
        `UPDATE belay.record_backups SET table_oid = 'two'::regclass WHERE table_oid = ${was.oid}`,
      );
      const back = await project.belay(['--url', url, 'rollback', '1', '--data', '--force']);
      expect(back).toMatchObject({ ok: true, restored: { rows: 1, values: 10 } });
      for (const name of ['one', 'two']) {
        const expected = Array.from({ length: 5 }, (_, i) => ({
          id: i + 1,
          v: `${name} ${i + 1}`,
        }));
        expect(await rowsOf(url, `SELECT id, v FROM ${name} ORDER BY id`)).toEqual(expected);
      }
    } finally {
      await run(server.adminUrl, `DROP DATABASE IF EXISTS ${copy}`);
      await db.drop();
    }
  });
});
