import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeMigrationProject } from '../../support/migration-project.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { rowsOf } from '../../support/targets.js';

// What is stored is tested on all servers.
describe.each(testServers().slice(-1))('record backups in other commands on $name', (server) => {
  let db: TestDatabase;
  beforeEach(async () => {
    const sql = `CREATE TABLE a (id int PRIMARY KEY, b text); INSERT INTO a SELECT i, i FROM generate_series(1, 9) i;`;
    db = await createTestDatabase(server, { name: 'records', sql });
  });
  afterEach(() => db.drop());

  const tables = async () =>
    Number(
      (
        await rowsOf(
          db.url,
          `SELECT count(*) AS n FROM pg_tables WHERE tablename LIKE 'backup\\_%'`,
        )
      )[0].n,
    );

  it('status counts them, and prune lets them go by age, or when nobody needs them', async () => {
    const migrations = { '1_drop': ['ALTER TABLE a DROP b;'] } as const;
    const project = makeMigrationProject(db.url, migrations, {
      BELAY_DRILL_SERVER: server.adminUrl,
    });
    expect((await project.belay(['status'])).recordBackups).toMatchObject({ backups: 0 });
    await project.belay(['migrate', 'up', '--backup', 'database']);
    const { recordBackups } = await project.belay(['status']);
    expect(recordBackups).toMatchObject({ backups: 1, rows: 9 });
    expect(recordBackups.sizeBytes).toBeGreaterThan(0);

    // Young, and of a migration that is in force.
    for (const rule of [
      ['--keep-within', '1d'],
      ['--keep-last', '3'],
    ]) {
      const kept = await project.belay(['prune', ...rule, '--yes']);
      expect(kept.recordBackups).toMatchObject({ removed: [], kept: [{ table: 'public.a' }] });
    }
    await project.belay(['rollback', '0', '--data']);
    const dry = await project.belay(['prune', '--keep-last', '3', '--dry-run']);
    expect(dry.recordBackups.removed).toMatchObject([
      { migrationVersion: '1', column: 'b', rows: 9 },
    ]);
    expect(await tables()).toBe(1);
    expect((await project.belay(['prune', '--keep-last', '3'], 3)).error.code).toBe(
      'NOT_CONFIRMED',
    );
    await project.belay(['prune', '--keep-last', '3', '--yes']);
    expect(await tables()).toBe(0);
  });
});
