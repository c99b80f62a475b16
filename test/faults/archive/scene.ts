import { mkdir, readdir, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, vi } from 'vitest';
import { parseKey } from '../../../src/domain/archive-keys.js';
import {
  archiveOf,
  listSnapshots,
  type Snapshot,
  takeCheckpoint,
  verifyArchives,
  verifyLedger,
} from '../../../src/index.js';
import { removeDeadThrowaways } from '../../../src/process/throwaway-cluster.js';
import { openStore } from '../../../src/store/open-store.js';
import type { Store } from '../../../src/store/store.js';
import type { BelayRun } from '../../support/run-belay.js';
import {
  createTestDatabase,
  runBelay,
  startThrowawayServer,
  type TestDatabase,
  type ThrowawayServer,
} from '../../support/servers.js';
import { rowsOf, run, withTarget } from '../../support/targets.js';
import { makeServerFolder } from '../../support/throwaway-server.js';
import { processesWith } from './processes.js';
import { startBelay, type Victim } from './victim.js';

/** Where a scene's archives go. */
export interface StorePlace {
  readonly location: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A server with a shop, a store with one proven checkpoint in it, and folders of its own. */
export interface ArchiveScene {
  readonly server: ThrowawayServer;
  readonly shop: TestDatabase;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  /** Tags of the archives that are sealed, and what the last drill of each said. */
  readonly sealed: Map<string, 'proven' | 'failed' | 'not-run'>;
  belay(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<BelayRun>;
  start(args: readonly string[], env?: NodeJS.ProcessEnv): Victim;
  openStore(env?: NodeJS.ProcessEnv): Promise<Store>;
  close(): Promise<void>;
}

const mebibyte = 1024 * 1024;
/** What no compression makes smaller, so that a dump takes more than one part and more than an instant. */
const blobsSql = (megabytes: number) => `
  CREATE TABLE blobs (id int, bytes bytea);
  ALTER TABLE blobs ALTER bytes SET STORAGE EXTERNAL;
  INSERT INTO blobs SELECT n, string_agg(decode(md5(n || '/' || part), 'hex'), '')
    FROM generate_series(1, ${megabytes}) n, generate_series(1, ${mebibyte / 16}) part GROUP BY n`;

const shopSql = `
  CREATE TABLE items (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
  INSERT INTO items (name) VALUES ('rope'), ('harness')`;

const baseTag = 'base';

export interface SceneOptions {
  /** Default: a folder. */
  readonly store?: StorePlace;
  readonly blobMegabytes?: number;
}

export async function openArchiveScene(options: SceneOptions = {}): Promise<ArchiveScene> {
  const folder = await makeServerFolder();
  for (const name of ['home', 'temp', 'cwd']) await mkdir(join(folder, name), { mode: 0o755 });
  const server = await startThrowawayServer({ major: 15 });
  const shop = await createTestDatabase(server, { name: 'shop', sql: shopSql });
  const store = options.store ?? { location: join(folder, 'store'), env: {} };
  const scene = withStore({ server, shop, folder }, store);
  await sealHere(scene, baseTag);
  const { blobMegabytes = 0 } = options;
  if (blobMegabytes > 0) await addBlobs(scene, blobMegabytes);
  return scene;
}

export async function addBlobs(
  { shop }: Pick<ArchiveScene, 'shop'>,
  megabytes: number,
): Promise<void> {
  await run(shop.url, blobsSql(megabytes));
}

/** The same server and shop, with another store. */
export function withStore(
  { server, shop, folder }: Pick<ArchiveScene, 'server' | 'shop' | 'folder'>,
  { location, env: storeEnv }: StorePlace,
): ArchiveScene {
  const home = join(folder, 'home');
  const env = {
    ...{ DATABASE_URL: shop.url, BELAY_STORE: location, BELAY_HOME: home },
    ...{ TMPDIR: join(folder, 'temp'), BELAY_STORE_TIMEOUT: '2s', ...storeEnv },
  };
  return {
    ...{ server, shop, folder, env, sealed: new Map() },
    belay: (args, more) => runBelay(args, { env: { ...env, ...more } }),
    start: (args, more) => startBelay(args, { ...env, ...more }, join(folder, 'cwd')),
    openStore: (more) => openStore(location, { env: { ...env, ...more } }),
    close: async () => {
      await server.remove();
      await removeDeadThrowaways(home);
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

/** A proven checkpoint, made in this process. */
export async function sealHere(scene: ArchiveScene, tag: string, more: object = {}): Promise<void> {
  const result = await withTarget(
    scene.shop.url,
    (target) => takeCheckpoint(target, { tag, drillServer: scene.server.adminUrl, ...more }),
    scene.env,
  );
  expect(result).toMatchObject({ ok: true, restore_drill: 'proven' });
  scene.sealed.set(tag, 'proven');
}

export async function archivesOf(scene: ArchiveScene): Promise<Snapshot[]> {
  const { snapshots } = await withTarget(
    scene.shop.url,
    (target) => listSnapshots(target),
    scene.env,
  );
  return snapshots.filter((snapshot) => archiveOf(snapshot));
}

/** What was sealed is listed with its drill, and every byte of it and of the ledger is as it was sealed. */
export async function expectSealed(scene: ArchiveScene): Promise<void> {
  const listed = (await archivesOf(scene)).map(
    (snapshot) => [snapshot.tag, archiveOf(snapshot)?.drill.status] as const,
  );
  expect(new Map(listed)).toEqual(scene.sealed);
  const { shop, env } = scene;
  const verified = await withTarget(shop.url, (target) => verifyArchives(target), env);
  expect(verified).toEqual({ ok: true, checked: scene.sealed.size, broken: [] });
}

export async function verifyLedgerOf(scene: ArchiveScene) {
  const store = await scene.openStore();
  try {
    return await verifyLedger(store);
  } finally {
    await store.close();
  }
}

/** Nothing but what was sealed: in the store, on the server, among the processes, on the disk. */
export async function expectNothingLeft(scene: ArchiveScene): Promise<void> {
  expect(await leftInStore(scene)).toEqual([]);
  // A session notices within a second that its Belay is gone.
  const patience = { timeout: 5_000, interval: 100 };
  await vi.waitFor(async () => expect(await leftOnServer(scene)).toEqual([]), patience);
  const { folder } = scene;
  const ran = await readdir(join(folder, 'home', 'drill', 'runs')).catch(() => []);
  expect(ran).toEqual([]);
  expect(await readdir(join(folder, 'temp'))).toEqual([]);
  expect(await processesWith(join(folder, 'home'))).toEqual([]);
}

async function leftInStore(scene: ArchiveScene): Promise<string[]> {
  const ids = new Set((await archivesOf(scene)).map(({ id }) => id));
  const store = await scene.openStore();
  try {
    const keys = (await store.list('')).map(({ key }) => key);
    const unfinished = (await store.listUnfinished('')).map(({ key }) => `${key} (unfinished)`);
    return [...keys.filter((key) => !belongs(key, ids)), ...unfinished];
  } finally {
    await store.close();
  }
}

function belongs(key: string, ids: ReadonlySet<string>): boolean {
  if (/^(belay-store\.json|ledger~head\.json|ledger\/\d+\.json)$/.test(key)) return true;
  const object = parseKey(key);
  if (object?.kind === 'manifest') return true;
  return object !== undefined && object.kind !== 'run' && 'id' in object && ids.has(object.id);
}

async function leftOnServer({ server, shop }: ArchiveScene): Promise<string[]> {
  const rows = await rowsOf(
    server.adminUrl,
    `SELECT datname FROM pg_database WHERE NOT datistemplate AND datname NOT IN ('postgres', $1)`,
    [shop.name],
  );
  const sessions = await rowsOf(
    server.adminUrl,
    `SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'belay %'`,
  );
  return [
    ...rows.map(({ datname }) => datname),
    ...sessions.map(({ application_name: name }) => name),
  ];
}

/** What is written in an instant is taken for a leftover only after minutes. */
async function ageSmallLeftovers({
  env: { BELAY_STORE: store = '' },
}: ArchiveScene): Promise<void> {
  const names = await readdir(store, { recursive: true }).catch(() => []);
  const longAgo = new Date(Date.now() - 60 * 60 * 1000);
  for (const name of names.filter((one) => /\.json\.part-/.test(one))) {
    await utimes(join(store, name), longAgo, longAgo);
  }
}

/** `belay repair`, as a user would; gives the kinds of what it has cleaned. */
export async function repair(scene: ArchiveScene): Promise<string[]> {
  await ageSmallLeftovers(scene);
  const { exitCode, json, stderr } = await scene.belay(['repair', '--json']);
  expect(stderr).toBe('');
  expect(exitCode).toBe(0);
  expect(json.found).toEqual(json.cleaned);
  return json.cleaned.map(({ kind }: { kind: string }) => kind);
}
