import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cloneOf } from '../../../src/domain/snapshot.js';
import { listSnapshots, type ProgressEvent, takeSnapshot } from '../../../src/index.js';
import { runProgram } from '../../../src/process/run.js';
import {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  testServers,
} from '../../support/servers.js';
import {
  createShop,
  databasesOf,
  failure,
  itemsOf,
  rowsOf,
  run,
  withTarget,
} from '../../support/targets.js';

describe.each(testServers())('takeSnapshot on $name', (server) => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
  });
  afterAll(() => shop.drop());

  it('makes a sealed, closed, counted copy', async () => {
    const { snapshot, outageMs } = await withTarget(shop.url, (target) =>
      takeSnapshot(target, { tag: 'baseline', description: 'three "items"\n', cwd: tmpdir() }),
    );
    const copy = cloneOf(snapshot);
    expect(snapshot).toMatchObject({
      tag: 'baseline',
      description: 'three "items"\n',
      target: { server: `127.0.0.1:${server.port}`, database: shop.name },
      reason: 'manual',
      git: null,
      copies: [{ type: 'clone', method: 'wal_log' }],
      fingerprint: {
        tables: 1,
        rows: 3,
        rowCounts: { 'public.items': 3 },
        sequences: { 'public.items_id_seq': { lastValue: '3', isCalled: true } },
      },
      protectedUntil: null,
      parent: null,
    });
    expect(snapshot.fingerprint?.schemaChecksum).toMatch(/^[0-9a-f]{64}$/);
    expect(snapshot.sizeBytes).toBeGreaterThan(1e6);
    expect(Math.floor(snapshot.serverVersion / 10000)).toBe(server.major);
    expect(outageMs).toBeGreaterThanOrEqual(0);
    const [row] = await rowsOf(
      server.adminUrl,
      'SELECT datallowconn, datistemplate FROM pg_database WHERE datname = $1',
      [copy?.database],
    );
    expect(row).toEqual({ datallowconn: false, datistemplate: false });
    expect(await itemsOf(shop.url)).toEqual(['rope', 'harness', 'belay device']);
  });

  it('records the snapshot that the database was based on as the parent', async () => {
    const { snapshot, list } = await withTarget(shop.url, async (target) => ({
      ...(await takeSnapshot(target, { tag: 'second', cwd: tmpdir() })),
      list: await listSnapshots(target),
    }));
    expect(list.snapshots.map(({ tag }) => tag)).toEqual(['second', 'baseline']);
    expect(snapshot.parent).toBe(list.snapshots[1]?.id);
    expect(list.current.basedOn).toMatchObject({ id: snapshot.id, tag: 'second' });
  });

  it('reports its steps in order', async () => {
    const events: ProgressEvent[] = [];
    await withTarget(shop.url, (target) =>
      takeSnapshot(target, { tag: 'watched', reporter: (event) => events.push(event) }),
    );
    const steps = events.flatMap((event) => (event.type === 'step' ? [event.name] : []));
    expect(steps).toEqual(['copy', 'count', 'seal']);
    const done = events.flatMap((event) => (event.type === 'step-done' ? [event.name] : []));
    expect(done).toEqual(steps);
    expect(events[0]).toMatchObject({ name: 'copy', detail: shop.name });
  });

  it('records branch, commit and whether the tree is dirty', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'belay-git-'));
    const identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.com'];
    const git = (...args: string[]) =>
      runProgram('git', [...identity, ...args], { cwd: folder, mustSucceed: true });
    try {
      await git('init', '-q', '-b', 'feature/x');
      await git('commit', '-q', '--allow-empty', '-m', 'first');
      const { snapshot } = await withTarget(shop.url, (target) =>
        takeSnapshot(target, { tag: 'with-git', cwd: folder }),
      );
      const commit = (await git('rev-parse', 'HEAD')).stdout.trim();
      expect(snapshot.git).toEqual({ branch: 'feature/x', commit, dirty: false });
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it.each([
    ['a tag in use', { tag: 'baseline' }, 'TAG_EXISTS'],
    ['a bad tag', { tag: '../x' }, 'BAD_TAG'],
  ] as const)('refuses %s and leaves nothing behind', async (_what, options, code) => {
    const before = await databasesOf(server, shop.name);
    await failure(
      withTarget(shop.url, (target) => takeSnapshot(target, options)),
      code,
    );
    expect(await databasesOf(server, shop.name)).toEqual(before);
  });

  it('refuses a database that is not there', async () => {
    const url = `${shop.url}_missing`;
    const error = await failure(
      withTarget(url, (target) => takeSnapshot(target, { tag: 'x' })),
      'TARGET_NOT_FOUND',
    );
    expect(error.message).toContain(`${shop.name}_missing`);
  });

  it('refuses a role that does not own the database, or may not create any', async () => {
    const stranger = await createTestRole(server, 'CREATEDB');
    const weak = await createTestRole(server);
    const before = await databasesOf(server, shop.name);
    const take = (url: string) => withTarget(url, (target) => takeSnapshot(target, { tag: 'x' }));
    const notOwner = await failure(take(stranger.urlFor(shop.url)), 'PERMISSION_DENIED');
    expect(notOwner.message).toContain('does not own');
    expect(notOwner.hint).toContain('postgres');
    const noRight = await failure(take(weak.urlFor(shop.url)), 'PERMISSION_DENIED');
    expect(noRight.hint).toContain('CREATEDB');
    expect(await databasesOf(server, shop.name)).toEqual(before);
    await stranger.drop();
    await weak.drop();
  });

  it('refuses to count what row security would hide, and keeps no half of it', async () => {
    const owner = await createTestRole(server, 'CREATEDB');
    await run(
      shop.url,
      `CREATE TABLE secrets (id int); INSERT INTO secrets VALUES (1);
       ALTER TABLE secrets ENABLE ROW LEVEL SECURITY; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${owner.name};
       GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO ${owner.name};
       ALTER DATABASE "${shop.name}" OWNER TO ${owner.name}`,
    );
    const before = await databasesOf(server, shop.name);
    const error = await withTarget(owner.urlFor(shop.url), (target) =>
      failure(takeSnapshot(target, { tag: 'hidden' }), 'PERMISSION_DENIED'),
    );
    expect(error.message).toContain('secrets');
    expect(await databasesOf(server, shop.name)).toEqual(before);
    await run(
      shop.url,
      `ALTER DATABASE "${shop.name}" OWNER TO postgres; DROP OWNED BY ${owner.name}`,
    );
    await owner.drop();
  });

  it('refuses a database whose collation the system has changed, before anything is copied', async () => {
    const before = await databasesOf(server, shop.name);
    const set = (version: string) =>
      run(
        server.adminUrl,
        `UPDATE pg_database SET datcollversion = ${version} WHERE datname = '${shop.name}'`,
      );
    await set(`'1.0-of-another-system'`);
    const error = await withTarget(shop.url, (target) =>
      failure(takeSnapshot(target, { tag: 'x' }), 'COLLATION_MISMATCH'),
    );
    expect(error).toMatchObject({ exitCode: 6 });
    expect(error.hint).toContain('REFRESH COLLATION VERSION');
    expect(await databasesOf(server, shop.name)).toEqual(before);
    await set('NULL');
  });

  it.each([1, 2])('leaves nothing behind where only %i connections are allowed', async (limit) => {
    const owner = await createTestRole(server, `CREATEDB CONNECTION LIMIT ${limit}`);
    const small = await createTestDatabase(server, { owner: owner.name });
    const url = owner.urlFor(small.url);
    await failure(
      withTarget(url, (target) => takeSnapshot(target, { tag: 'x' })),
      'TOO_MANY_CONNECTIONS',
    );
    expect(await databasesOf(server, small.name)).toEqual([small.name]);
    await small.drop();
    await owner.drop();
  });
});
