import { describe, expect, it } from 'vitest';
import { listRecordBackups } from '../../../src/features/record-backup/list.js';
import { pruneRecordBackups } from '../../../src/features/record-backup/prune.js';
import { recordBackupsSize } from '../../../src/features/record-backup/size.js';
import { markRestored } from '../../../src/postgres/sql/record-backups.js';
import { failure } from '../../support/failure.js';
import { openSession } from '../../support/open-session.js';
import { createTestRole, testServers } from '../../support/servers.js';
import { useScene } from './scene.js';

describe.each(testServers())('the storage of record backups on $name', (server) => {
  const scene = useScene(server, 'kept_storage');

  it('is nothing where nothing was kept', async () => {
    expect(await recordBackupsSize(scene.session)).toEqual({ backups: 0, rows: 0, sizeBytes: 0 });
    expect(await scene.backups()).toEqual([]);
    expect(await pruneRecordBackups(scene.session, { keepWithinMs: 0 })).toMatchObject({
      removed: [],
    });
    expect(await scene.rows(`SELECT FROM pg_namespace WHERE nspname = 'belay'`)).toEqual([]);
  });

  it('is counted, and pruned by what is still needed, by age, by version', async () => {
    for (const version of ['1', '2', '3', '4']) {
      await scene.run(
        `CREATE TABLE t${version} (id int PRIMARY KEY, v text); INSERT INTO t${version} SELECT n, repeat('x', 50) FROM generate_series(1, 1000) n`,
      );
      await scene.migrate(`DELETE FROM t${version}`, [[`DELETE t${version}`]], { version });
    }
    const size = await recordBackupsSize(scene.session);
    expect(size).toMatchObject({ backups: 4, rows: 4000 });
    const [{ bytes }] = (await scene.rows(
      `SELECT sum(pg_total_relation_size(oid))::int AS bytes FROM pg_class WHERE relname ~ '^backup_' AND relkind = 'r'`,
    )) as [{ bytes: number }];
    expect(size.sizeBytes).toBe(bytes);

    const [first] = await listRecordBackups(scene.session, { versions: ['1'] });
    await markRestored(scene.session, [first?.id ?? 0]);
    const versionsOf = (list: readonly { migrationVersion: string }[]) =>
      list.map((each) => each.migrationVersion);
    const dry = await pruneRecordBackups(scene.session, { inForce: ['3', '4'], dryRun: true });
    expect(versionsOf(dry.removed)).toEqual(['1', '2']);
    expect(await recordBackupsSize(scene.session)).toEqual(size);
    const done = await pruneRecordBackups(scene.session, { inForce: ['3', '4'] });
    expect(versionsOf(done.removed)).toEqual(['1', '2']);
    expect(versionsOf(done.kept)).toEqual(['3', '4']);
    expect(done.freedBytes).toBe(dry.freedBytes);
    expect(versionsOf(await scene.backups())).toEqual(['3', '4']);

    const byAge = await pruneRecordBackups(scene.session, {
      keepWithinMs: 3_600_000,
      inForce: ['3', '4'],
    });
    expect(byAge.removed).toEqual([]);
    const later = new Date(Date.now() + 7_200_000);
    const named = { versions: ['3'], keepWithinMs: 3_600_000, inForce: ['3', '4'], now: later };
    expect(versionsOf((await pruneRecordBackups(scene.session, named)).removed)).toEqual(['3']);
    // The note that there was one stays.
    expect(
      (await scene.backups()).map(({ migrationVersion, dataTable }) => [
        migrationVersion,
        dataTable !== null,
      ]),
    ).toEqual([
      ['3', false],
      ['4', true],
    ]);
    expect(
      await scene.rows(`SELECT DISTINCT migration_version FROM belay.backed_up_records`),
    ).toEqual([{ migration_version: '4' }]);
    expect(await recordBackupsSize(scene.session)).toMatchObject({ backups: 1, rows: 1000 });
  });

  it('can be read where a table of records was dropped by hand', async () => {
    await scene.run(
      'CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (1); CREATE TABLE two (id int); INSERT INTO two VALUES (2)',
    );
    await scene.migrate('DROP TABLE one; DROP TABLE two', [['table one'], ['table two']], {
      version: 'dropped',
    });
    const [one] = await scene.backups('dropped');
    await scene.run(`DROP TABLE belay.${one?.dataTable}`);
    expect(
      await scene.rows(
        `SELECT table_name, row_id, record FROM belay.backed_up_records WHERE migration_version = 'dropped'`,
      ),
    ).toEqual([{ table_name: 'two', row_id: { id: 2 }, record: { id: 2 } }]);
    expect((await scene.backups('dropped')).map(({ dataTable }) => dataTable === null)).toEqual([
      true,
      false,
    ]);
  });

  it('is closed to others, whatever default privileges give them', async () => {
    const role = await createTestRole(server);
    await scene.run(`ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC; ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO PUBLIC;
      GRANT USAGE ON SCHEMA belay TO ${role.name}; CREATE TABLE private (id int PRIMARY KEY, v text); INSERT INTO private VALUES (1, 'x')`);
    await scene.migrate('ALTER TABLE private DROP v', [['column private.v']], {
      version: 'private',
    });
    const [backup] = await scene.backups('private');
    const session = await openSession(role.urlFor(scene.url));
    try {
      for (const name of ['record_backups', 'backed_up_records', backup?.dataTable]) {
        await failure(session.query(`SELECT FROM belay.${name}`), 'PERMISSION_DENIED');
      }
      await failure(session.query(`SELECT belay.records_of_backup(1)`), 'PERMISSION_DENIED');
      await failure(listRecordBackups(session), 'PERMISSION_DENIED');
    } finally {
      await session.close();
      await scene.run(`DROP OWNED BY ${role.name}`);
      await role.drop();
    }
  });

  it('stays away from a schema that is not Belay’s', async () => {
    await scene.run(
      `ALTER SCHEMA belay RENAME TO kept_aside; CREATE SCHEMA belay; CREATE TABLE other (id int PRIMARY KEY)`,
    );
    const error = await failure(
      scene.migrate('DROP TABLE other', [['table other']]),
      'SCHEMA_TAKEN',
    );
    expect(error.hint).toContain('Rename');
    await scene.run('DROP SCHEMA belay; ALTER SCHEMA kept_aside RENAME TO belay');
  });
});
