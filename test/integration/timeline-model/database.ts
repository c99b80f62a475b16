import { tmpdir } from 'node:os';
import { expect } from 'vitest';
import { listSnapshots, openTarget, type Target } from '../../../src/index.js';
import {
  createTestDatabase,
  type TestDatabase,
  type TestServer,
  withSession,
} from '../../support/servers.js';
import { type Change, type Content, rowsIn, type Table, type TimelineModel } from './model.js';

/** The tables that a run begins with. */
export const firstContent: Content = {
  climbers: { hasNote: false, rows: { 1: 'one', 2: 'two', 3: 'three' } },
};

const firstSql = `
  CREATE TABLE climbers (id int PRIMARY KEY, value text NOT NULL);
  INSERT INTO climbers VALUES (1, 'one'), (2, 'two'), (3, 'three');
`;

/** The real thing: a database of its own, and Belay connected beside it. */
export interface RealTimeline {
  readonly database: TestDatabase;
  readonly target: Target;
  close(): Promise<void>;
}

export async function openRealTimeline(server: TestServer): Promise<RealTimeline> {
  const database = await createTestDatabase(server, { name: 'model', sql: firstSql });
  const target = await openTarget({ url: database.url, cwd: tmpdir(), env: {} });
  const close = async () => {
    await target.close();
    await database.drop();
  };
  return { database, target, close };
}

/** Writes to the live database as its users do. */
export async function applyChange(url: string, change: Change): Promise<void> {
  await withSession(url, (client) => client.query(change.sql));
}

async function readContent(url: string): Promise<Content> {
  return withSession(url, async (client) => {
    const { rows: tables } = await client.query<{ name: string; hasNote: boolean }>(
      `SELECT c.relname AS name, EXISTS (SELECT FROM pg_attribute a
                WHERE a.attrelid = c.oid AND a.attname = 'note' AND NOT a.attisdropped) AS "hasNote"
         FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace`,
    );
    const content: Record<string, Table> = {};
    for (const { name, hasNote } of tables) {
      const { rows } = await client.query<{ id: number; value: string }>(
        `SELECT id, value FROM ${name}`,
      );
      content[name] = { hasNote, rows: Object.fromEntries(rows.map((r) => [r.id, r.value])) };
    }
    return content;
  });
}

/** Compares everything that can be seen: the live rows, the list in its order, and what the live state is based on. */
export async function expectSame(model: TimelineModel, real: RealTimeline): Promise<void> {
  const { snapshots, current } = await listSnapshots(real.target);
  const seen = {
    live: await readContent(real.database.url),
    snapshots: snapshots.map(({ tag, reason, protectedUntil, fingerprint }) => ({
      tag,
      isAutomatic: reason === 'before-restore',
      isProtected: protectedUntil !== null,
      rows: fingerprint?.rows,
      tables: fingerprint?.tables,
    })),
    basedOn: current.basedOn?.tag,
    undo: current.undo?.tag,
  };
  expect(seen).toEqual({
    live: model.live.content,
    snapshots: model.snapshots.map(({ tag, isAutomatic, isProtected, content }) => ({
      ...{ tag, isAutomatic, isProtected },
      rows: rowsIn(content),
      tables: Object.keys(content).length,
    })),
    basedOn: model.basedOn?.tag,
    undo: model.undo?.tag,
  });
}
