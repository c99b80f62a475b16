import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { cloneOf } from '../../src/domain/snapshot.js';
import {
  listSnapshots,
  openTarget,
  protectSnapshot,
  pruneSnapshots,
  restoreSnapshot,
  type Snapshot,
  type Target,
  takeSnapshot,
} from '../../src/index.js';
import { type TestDatabase, type ThrowawayServer, withSession } from '../support/servers.js';
import { type Content, changeShop, createShop, readClosedContent, readContent } from './shop.js';
import type { Command } from './victim.js';

export interface KnownSnapshot {
  readonly snapshot: Snapshot;
  readonly content: Content;
}

/** Everything that a fault must not lose. */
export interface State {
  readonly live: Content;
  /** By id. */
  readonly snapshots: ReadonlyMap<string, KnownSnapshot>;
  readonly undo: string | null;
}

/** A shop with snapshots on a server of its own. */
export interface Scene {
  readonly server: ThrowawayServer;
  readonly shop: TestDatabase;
  changes: number;
}

export async function openScene(server: ThrowawayServer): Promise<Scene> {
  const scene = { server, shop: await createShop(server), changes: 0 };
  await withTarget(scene, async (target) => {
    await takeSnapshot(target, { tag: 'baseline', cwd: tmpdir() });
    await protectSnapshot(target, { reference: 'baseline' });
  });
  return scene;
}

export async function withTarget<T>(
  { shop }: Scene,
  work: (target: Target) => Promise<T>,
): Promise<T> {
  const target = await openTarget({ url: shop.url, cwd: tmpdir(), env: {}, action: 'check' });
  try {
    return await work(target);
  } finally {
    await target.close();
  }
}

/** Makes the live state a new one, gives `undo` something to do, and forgets the snapshots of earlier rounds. */
export async function prepare(scene: Scene, command: Command): Promise<State> {
  await withTarget(scene, async (target) => {
    if (command === 'undo') {
      const { current } = await listSnapshots(target);
      if (!current.undo) await restoreSnapshot(target, { reference: 'baseline', cwd: tmpdir() });
    }
    await pruneSnapshots(target, { keepLast: 1, confirm: () => true });
  });
  scene.changes += 1;
  await changeShop(scene.shop.url, scene.changes);
  return readState(scene);
}

/** Reads it all from the server itself, row by row. */
export async function readState(scene: Scene): Promise<State> {
  const { snapshots, current } = await withTarget(scene, listSnapshots);
  const known = new Map<string, KnownSnapshot>();
  for (const snapshot of snapshots) {
    const copy = cloneOf(snapshot);
    if (!copy) throw new Error(`snapshot "${snapshot.tag}" has no copy`);
    const content = await readClosedContent(scene.server.adminUrl, copy.database);
    known.set(snapshot.id, { snapshot, content });
  }
  const live = await readContent(scene.shop.url);
  return { live, snapshots: known, undo: current.undo?.id ?? null };
}

/**
 * Until a connection to the target is accepted and no session of a Belay is left: the server itself may still be ending a copy, for
 * which it holds off connections. Both end by themselves, or the test fails.
 */
export async function waitUntilQuiet(scene: Scene): Promise<void> {
  const deadline = performance.now() + 30_000;
  for (;;) {
    try {
      const others = await countBelaySessions(scene.server.adminUrl);
      if (others === 0) return await withSession(scene.shop.url, async () => {});
      if (performance.now() > deadline) throw new Error(`${others} sessions of Belay are left`);
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await sleep(20);
  }
}

async function countBelaySessions(adminUrl: string): Promise<number> {
  return withSession(adminUrl, async (client) => {
    const { rows } = await client.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE application_name ~ '^belay [a-z]+ [0-9]+@'`,
    );
    return rows[0]?.count ?? 0;
  });
}

export interface DatabaseFacts {
  readonly name: string;
  readonly allowsConnections: boolean;
  readonly connectionLimit: number;
  readonly hasRecord: boolean;
}

/** Every database of the server but its own. */
export async function readAllDatabases({ server }: Scene): Promise<DatabaseFacts[]> {
  return withSession(server.adminUrl, async (client) => {
    const { rows } = await client.query<DatabaseFacts>(
      `SELECT datname::text AS name, datallowconn AS "allowsConnections", datconnlimit AS "connectionLimit",
              coalesce(shobj_description(oid, 'pg_database') LIKE '{"belay":%', false) AS "hasRecord"
         FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')`,
    );
    return rows;
  });
}
