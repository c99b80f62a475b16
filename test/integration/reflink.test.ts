import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneOf } from '../../src/domain/snapshot.js';
import { examineTarget, restoreSnapshot, takeSnapshot, undoRestore } from '../../src/index.js';
import { type MountedFolder, mountFolder } from '../support/mounted-folder.js';
import {
  createTestDatabase,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
  testServers,
  withDatabase,
} from '../support/servers.js';
import { failure, rowsOf, run, withTarget } from '../support/targets.js';

const has18 = testServers().some(({ major }) => major === 18);
const mounted: MountedFolder | string = has18
  ? await mountFolder({ type: 'xfs', sizeBytes: 3e9 })
  : 'PostgreSQL 18 is not on this machine';
const skipped = typeof mounted === 'string' ? ` (SKIPPED: ${mounted})` : '';

describe.skipIf(typeof mounted === 'string')(`on a file system with reflinks${skipped}`, () => {
  let server: ThrowawayServer;
  let database: TestDatabase;
  beforeAll(async () => {
    server = await startThrowawayServer({ major: 18, parentDir: (mounted as MountedFolder).path });
    database = await createTestDatabase(server, {
      name: 'shop',
      // Large enough that files are copied and not the WAL.
      sql: `CREATE TABLE big AS SELECT n, repeat('x', 1000) AS filler FROM generate_series(1, 90000) n`,
    });
  });
  afterAll(async () => {
    await server?.remove();
    await (mounted as MountedFolder).remove();
  });

  const restore = () =>
    withTarget(database.url, (target) => restoreSnapshot(target, { reference: 'base' }));

  it('doctor measures that copies are reflinks before there is a snapshot', async () => {
    const { checks } = await examineTarget({ url: database.url, env: {} });
    const check = checks.find(({ name }) => name === 'clone method');
    expect(check).toMatchObject({ status: 'ok', detail: expect.stringContaining('reflink') });
    expect(
      await rowsOf(server.adminUrl, `SELECT 1 FROM pg_database WHERE datname LIKE '%belay%'`),
    ).toEqual([]);
  });

  it('a snapshot is a reflink, as measured', async () => {
    const { snapshot } = await withTarget(database.url, (target) =>
      takeSnapshot(target, { tag: 'base' }),
    );
    expect(cloneOf(snapshot)?.method).toBe('reflink');
    expect(snapshot.fingerprint?.rowCounts).toEqual({ 'public.big': 90000 });
  });

  it('a restore shares the blocks, is verified by evidence, and gives every row back', async () => {
    await run(database.url, 'DELETE FROM big WHERE n > 10; CREATE TABLE other ()');
    const restored = await restore();
    expect(restored).toMatchObject({ verified: true, verifiedBy: 'unwritten' });
    const [row] = await rowsOf(
      database.url,
      'SELECT count(*)::int AS n, sum(n)::text AS sum FROM big',
    );
    expect(row).toEqual({ n: 90000, sum: '4050045000' });
    expect(restored.previous?.fingerprint?.rowCounts).toEqual({
      'public.big': 10,
      'public.other': 0,
    });
    const undone = await withTarget(database.url, (target) => undoRestore(target));
    expect(undone.verifiedBy).toBe('unwritten');
    expect(await rowsOf(database.url, 'SELECT count(*)::int AS n FROM big')).toEqual([{ n: 10 }]);
  });

  it('a snapshot that somebody changed is counted, and refused', async () => {
    const clone = await rowsOf(
      server.adminUrl,
      `SELECT datname FROM pg_database WHERE shobj_description(oid, 'pg_database') LIKE '%"tag":"base"%'`,
    );
    const name = clone[0]?.datname as string;
    await run(
      server.adminUrl,
      `ALTER DATABASE "${name}" ALLOW_CONNECTIONS true CONNECTION LIMIT -1`,
    );
    await run(withDatabase(server.adminUrl, name), 'DELETE FROM big WHERE n = 1');
    await run(server.adminUrl, `ALTER DATABASE "${name}" ALLOW_CONNECTIONS false`);
    const refused = await failure(restore(), 'FINGERPRINT_MISMATCH');
    expect(refused.message).toContain('rows of public.big: 89999 instead of 90000');
    expect(await rowsOf(database.url, 'SELECT count(*)::int AS n FROM big')).toEqual([{ n: 10 }]);
  });
});
