import { existsSync, readdirSync } from 'node:fs';
import { appendFile, mkdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { archivePlace } from '../../../src/features/archive/place.js';
import { clusterBranches } from '../../../src/features/branch/cluster-driver.js';
import type { FoundBranch } from '../../../src/features/branch/driver.js';
import { stopBranchServer, takeSnapshot } from '../../../src/index.js';
import { giveTo } from '../../../src/process/cluster-folder.js';
import { isPortFree } from '../../../src/process/free-port.js';
import { findServerUser } from '../../../src/process/server-user.js';
import {
  type BranchHome,
  bankSql,
  bankSumsSql,
  branchNamed,
  createBranch,
  listBranches,
  makeBranchHome,
  onRoot,
  removeAll,
  startBankLoad,
  urlOf,
  withWork,
} from '../../support/cluster-branches.js';
import { mountFolder } from '../../support/mounted-folder.js';
import {
  createTestDatabase,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
  testServers,
  withDatabase,
} from '../../support/servers.js';
import {
  addItem,
  failure,
  itemsOf,
  rowsOf,
  run,
  shopSql,
  withTarget,
} from '../../support/targets.js';

const three = ['rope', 'harness', 'belay device'];

// Copies share their blocks there; elsewhere all of this works as well, and takes longer.
const mounted = await mountFolder({ type: 'xfs', sizeBytes: 4e9 });
const parentDir = typeof mounted === 'string' ? tmpdir() : mounted.path;
afterAll(async () => {
  if (typeof mounted !== 'string') await mounted.remove();
});

describe.each(testServers())('branches with a server of their own on $name', ({ major }) => {
  let server: ThrowawayServer;
  let home: BranchHome;
  let shop: TestDatabase;
  beforeAll(async () => {
    server = await startThrowawayServer({ major, parentDir });
    await appendFile(join(server.dataDir, 'postgresql.conf'), "app.tenant = 'o''x'\n");
    await run(server.adminUrl, 'SELECT pg_reload_conf()');
    home = await makeBranchHome();
    shop = await createTestDatabase(server, { name: 'shop', sql: shopSql });
  });
  afterAll(async () => {
    await removeAll(shop.url, home);
    await server.remove();
    await home.remove();
  });
  const portOf = ({ settings }: FoundBranch) => settings.hosts[0]?.port as number;

  it('has the data, its own server, and leaves the source alone', async () => {
    const notes: string[] = [];
    const branch = await createBranch(
      shop.url,
      home,
      'Feature/Invoices',
      {},
      {
        reporter: (event) => 'message' in event && notes.push(event.message),
      },
    );
    expect(branch).toMatchObject({
      state: 'ready',
      problem: null,
      record: {
        ...{ name: 'Feature/Invoices', isolation: 'cluster', database: shop.name, schema: null },
        base: { kind: 'live', name: 'live', snapshotId: null, isAutomatic: false },
      },
    });
    const url = urlOf(branch);
    expect(await itemsOf(url)).toEqual(three);
    await addItem(url, 'sling');
    await run(url, 'CREATE ROLE only_here');
    await run(url, 'ALTER SYSTEM SET work_mem = 65536');
    expect(await itemsOf(shop.url)).toEqual(three);
    expect(await rowsOf(shop.url, `SELECT 1 FROM pg_roles WHERE rolname = 'only_here'`)).toEqual(
      [],
    );
    const [facts] = await rowsOf(
      url,
      `SELECT current_setting('cluster_name') AS name, current_setting('archive_mode') AS archive,
              current_setting('listen_addresses') AS address, current_setting('app.tenant') AS tenant,
              (SELECT count(*)::int FROM pg_replication_slots) AS slots`,
    );
    expect(facts).toEqual({
      ...{ name: 'belay branch Feature/Invoices', archive: 'off', address: '127.0.0.1' },
      ...{ tenant: "o'x", slots: 0 },
    });
    expect(await rowsOf(shop.url, 'SELECT 1 FROM pg_replication_slots')).toEqual([]);
    expect((await listBranches(shop.url, home)).map(({ record }) => record.name)).toEqual([
      'Feature/Invoices',
    ]);
  });

  it('asks for its own password', async () => {
    const branch = await branchNamed(shop.url, home, 'Feature/Invoices');
    expect(branch.settings.password).not.toBe(server.password);
    const wrong = urlOf({ ...branch, settings: { ...branch.settings, password: server.password } });
    await expect(rowsOf(wrong, 'SELECT 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('goes back to its base under the same URL', async () => {
    const before = await branchNamed(shop.url, home, 'Feature/Invoices');
    const state = await withWork(shop.url, home, (work) =>
      clusterBranches.reset(work, before, { reference: undefined, sessions: 'wait', cwd: '/' }),
    );
    expect(state).toMatchObject({ to: 'live', previous: null });
    const after = await branchNamed(shop.url, home, 'Feature/Invoices');
    expect(urlOf(after)).toBe(urlOf(before));
    expect(after.record.resetAt).toBe(state.record.resetAt);
    expect(await itemsOf(urlOf(after))).toEqual(three);
    expect(
      await rowsOf(urlOf(after), `SELECT 1 FROM pg_roles WHERE rolname = 'only_here'`),
    ).toEqual([]);
    expect(readdirSync(after.folder as string).filter((name) => name.includes('data.'))).toEqual(
      [],
    );
  });

  it('goes to a snapshot of its own, and keeps what was there', async () => {
    const branch = await branchNamed(shop.url, home, 'Feature/Invoices');
    const url = urlOf(branch);
    await addItem(url, 'cam');
    await withTarget(url, (target) => takeSnapshot(target, { tag: 'with-cam' }), {
      BELAY_HOME: home.path,
    });
    await addItem(url, 'nut');
    const order = { reference: 'with-cam', sessions: 'wait', cwd: '/' } as const;
    const state = await withWork(shop.url, home, (work) =>
      clusterBranches.reset(work, branch, order),
    );
    expect(state.to).toBe('with-cam');
    expect(state.previous).toMatch(/^before-restore/);
    expect(await itemsOf(url)).toEqual([...three, 'cam']);
  });

  it('a branch of it has its data, whether it runs or not', async () => {
    const parent = await branchNamed(shop.url, home, 'Feature/Invoices');
    const source = { kind: 'branch', branch: parent } as const;
    const hot = await createBranch(shop.url, home, 'hot', { source });
    expect(await itemsOf(urlOf(hot))).toEqual([...three, 'cam']);
    expect(hot.record.base).toMatchObject({ kind: 'branch', name: 'Feature/Invoices' });
    expect(dirname(hot.folder as string)).toBe(dirname(parent.folder as string));
    await addItem(urlOf(hot), 'tape');
    expect(await itemsOf(urlOf(parent))).toEqual([...three, 'cam']);
    await stopBranchServer(parent);
    const cold = await createBranch(shop.url, home, 'cold', { source });
    expect(await itemsOf(urlOf(cold))).toEqual([...three, 'cam']);
    expect((await branchNamed(shop.url, home, 'Feature/Invoices')).state).toBe('stopped');
    const [name] = await rowsOf(urlOf(cold), 'SHOW cluster_name');
    expect(name).toEqual({ cluster_name: 'belay branch cold' });
  });

  it('is gone with everything when it is removed', async () => {
    const branches = await listBranches(shop.url, home);
    expect(branches).toHaveLength(3);
    await removeAll(shop.url, home);
    for (const branch of branches) {
      expect(existsSync(branch.folder as string)).toBe(false);
      expect(await isPortFree(portOf(branch))).toBe(true);
    }
    expect(existsSync(dirname(branches[0]?.folder as string))).toBe(false);
    expect(readdirSync(join(home.path, 'branches', 'index'))).toEqual([]);
    expect(await itemsOf(shop.url)).toEqual(three);
  });

  it('keeps its archives apart from those of its source, whose system identifier it has', async () => {
    const branch = await createBranch(shop.url, home, 'archives');
    const placeOf = (url: string) => withTarget(url, archivePlace);
    const [own, source] = [await placeOf(urlOf(branch)), await placeOf(shop.url)];
    expect(own).toEqual({
      database: source.database,
      cluster: `${source.cluster}-${branch.record.id}`,
    });
  });

  it('starts from a snapshot although the target has gone on', async () => {
    await onRoot(shop.url, home, (target) => takeSnapshot(target, { tag: 'three' }));
    await addItem(shop.url, 'later');
    const source = { kind: 'snapshot', reference: 'three' } as const;
    const branch = await createBranch(shop.url, home, 'past', { source });
    expect(await itemsOf(urlOf(branch))).toEqual(three);
    expect(branch.record.base).toMatchObject({ kind: 'snapshot', name: 'three' });
    await run(shop.url, `DELETE FROM items WHERE name = 'later'`);
  });

  it('is consistent although its source is written to all the time, and no transaction there fails', async () => {
    const bank = await createTestDatabase(server, { name: 'bank', sql: bankSql });
    const load = startBankLoad(bank.url);
    const branches: FoundBranch[] = [];
    for (const name of ['one', 'two']) branches.push(await createBranch(bank.url, home, name));
    const { committed, failures } = await load.stop();
    expect(failures).toEqual([]);
    expect(committed).toBeGreaterThan(0);
    for (const branch of branches) {
      const [sums] = await rowsOf(urlOf(branch), bankSumsSql);
      expect(new Set(Object.values(sums)).size).toBe(1);
    }
    // Branches of the other database on that server are not this one's.
    expect((await listBranches(bank.url, home)).map(({ record }) => record.name).sort()).toEqual([
      'one',
      'two',
    ]);
    await removeAll(bank.url, home);
    await bank.drop();
  });

  it('does not wake subscriptions, and cannot drop their slots', async () => {
    await run(
      shop.url,
      `CREATE SUBSCRIPTION sleeping CONNECTION 'host=127.0.0.1 port=1 dbname=none' PUBLICATION p
         WITH (connect = false, slot_name = 'theirs');
       ALTER SUBSCRIPTION sleeping ENABLE`,
    );
    const branch = await createBranch(shop.url, home, 'quiet');
    const states = `SELECT subenabled AS enabled, subslotname::text AS slot FROM pg_subscription`;
    expect(await rowsOf(urlOf(branch), states)).toEqual([{ enabled: false, slot: null }]);
    expect(await rowsOf(shop.url, states)).toEqual([{ enabled: true, slot: 'theirs' }]);
    await run(urlOf(branch), 'DROP SUBSCRIPTION sleeping');
    await run(
      shop.url,
      `ALTER SUBSCRIPTION sleeping DISABLE; ALTER SUBSCRIPTION sleeping SET (slot_name = NONE);
       DROP SUBSCRIPTION sleeping`,
    );
  });

  it('has copies of tablespaces that lie elsewhere', async () => {
    const place = join(dirname(server.dataDir), 'elsewhere');
    await mkdir(place, { mode: 0o700 });
    await giveTo(place, await findServerUser());
    await run(server.adminUrl, `CREATE TABLESPACE far LOCATION '${place}'`);
    await run(shop.url, 'CREATE TABLE distant TABLESPACE far AS SELECT generate_series(1, 1000) n');
    const branch = await createBranch(shop.url, home, 'far');
    const url = urlOf(branch);
    const count = 'SELECT count(*)::int AS n FROM distant';
    await run(url, 'DELETE FROM distant WHERE n > 10');
    await run(url, 'VACUUM FULL distant');
    expect(await rowsOf(url, count)).toEqual([{ n: 10 }]);
    expect(await rowsOf(shop.url, count)).toEqual([{ n: 1000 }]);
    const [location] = await rowsOf(
      url,
      `SELECT pg_tablespace_location(oid) AS path FROM pg_tablespace WHERE spcname = 'far'`,
    );
    expect(location.path).toMatch(/^pg_tblspc\//);
    await withWork(shop.url, home, (work) =>
      clusterBranches.reset(work, branch, { reference: undefined, sessions: 'wait', cwd: '/' }),
    );
    expect(await rowsOf(url, count)).toEqual([{ n: 1000 }]);
    await run(shop.url, 'DROP TABLE distant');
    await run(server.adminUrl, 'DROP TABLESPACE far');
    await rm(place, { recursive: true });
  });

  it('works for a role that is no superuser, and says what such a role lacks', async () => {
    const name = `dev "x" o'y\n=é`;
    const role = `"${name.replaceAll('"', '""')}"`;
    await run(
      server.adminUrl,
      `CREATE ROLE ${role} LOGIN CREATEDB PASSWORD 'dev' VALID UNTIL '2040-01-01'`,
    );
    await run(server.adminUrl, `ALTER DATABASE "${shop.name}" OWNER TO ${role}`);
    const url = new URL(shop.url);
    url.username = encodeURIComponent(name);
    url.password = 'dev';
    const refused = await failure(createBranch(url.href, home, 'dev'), 'CLUSTER_NOT_COPIED');
    expect(refused.hint).toContain('pg_read_all_settings');
    const start =
      major >= 15 ? 'pg_backup_start(text, boolean)' : 'pg_start_backup(text, boolean, boolean)';
    const stop = major >= 15 ? 'pg_backup_stop(boolean)' : 'pg_stop_backup(boolean, boolean)';
    const admin = withDatabase(server.adminUrl, 'postgres');
    await run(
      admin,
      `GRANT pg_read_all_settings TO ${role}; GRANT EXECUTE ON FUNCTION ${start}, ${stop} TO ${role}`,
    );
    const branch = await createBranch(url.href, home, 'dev');
    expect(await rowsOf(urlOf(branch), 'SELECT current_user::text AS me')).toEqual([{ me: name }]);
    await run(server.adminUrl, `ALTER DATABASE "${shop.name}" OWNER TO postgres`);
    await run(
      admin,
      `REVOKE EXECUTE ON FUNCTION ${start}, ${stop} FROM ${role}; REVOKE pg_read_all_settings FROM ${role};
       DROP ROLE ${role}`,
    );
  });
});
