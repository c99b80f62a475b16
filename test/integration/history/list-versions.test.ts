import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { listVersions, readVersionGraph } from '../../../src/features/history/list-versions.js';
import { openHistory } from '../../../src/features/history/open-history.js';
import type { SchemaHistory } from '../../../src/features/history/schema-history.js';
import { openTarget, type Target } from '../../../src/features/target/open-target.js';
import { sampleEntry, sampleModel } from '../../support/sample-history.js';
import {
  createTestDatabase,
  type TestDatabase,
  testServers,
  withSession,
} from '../../support/servers.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { testHome } from '../../support/test-home.js';

describe.each(testServers())('recorded versions on $name', (server) => {
  let database: TestDatabase;
  beforeEach(async () => {
    database = await createTestDatabase(server, { name: 'versions' });
  });
  afterEach(() => database.drop());

  /** A target of a project whose configuration says where the history is. */
  async function withProject<T>(
    place: SchemaHistory['kind'],
    work: (target: Target, history: SchemaHistory) => Promise<T>,
  ): Promise<T> {
    const config = { store: 'kept', migrations: { history: place } };
    const cwd = makeTempFolder({ 'belay.config.json': JSON.stringify(config) });
    const env = { PATH: process.env.PATH, BELAY_HOME: testHome() };
    const target = await openTarget({ url: database.url, cwd, env, action: 'test' });
    const session = await target.openDatabase(database.name);
    try {
      return await work(target, await openHistory(target, session, { place }));
    } finally {
      await session.close();
      await target.close();
    }
  }

  it.each(['database', 'store'] as const)('are listed from the %s, newest first', (place) =>
    withProject(place, async (target, history) => {
      expect(await listVersions(target)).toEqual({
        ...{ versions: [], current: null, place: history.place },
      });
      const checksum = 'b'.repeat(64);
      await history.append(sampleEntry([]), sampleModel());
      await history.append(sampleEntry(['1']), sampleModel('1'));
      const git = { branch: 'main', commit: 'c'.repeat(40), dirty: true };
      await history.append(sampleEntry(['1', '2'], { git, partial: true }), null);
      await history.append(sampleEntry(['1'], { action: 'down', from: '2' }), null);
      await history.append(sampleEntry(['1'], { action: 'snapshot', checksum }), null);
      const { versions, current } = await listVersions(target);
      expect(current).toBe('1@bbbbbbbb');
      expect(versions).toMatchObject([
        ...[{ id: '1@bbbbbbbb', version: '1', checksum, isCurrent: true, modelKept: false }],
        ...[{ id: '1', action: 'down', reached: 2, isCurrent: false, modelKept: true }],
        ...[{ id: '2', action: 'up', git, partial: true, reached: 1, modelKept: false }],
        ...[{ id: '0', action: 'baseline', isCurrent: false, modelKept: true }],
      ]);
      expect(versions[0]?.actor.role).toBe(new URL(database.url).username);
      const graph = await readVersionGraph(target);
      expect(graph).toMatchObject({
        ...{ base: { version: '0' }, current, heads: ['2', '1@bbbbbbbb'], place: history.place },
      });
    }),
  );

  it('in the store leave the database untouched', () =>
    withProject('store', async (_target, history) => {
      await history.append(sampleEntry(['1']), sampleModel('1'));
      const rows = await withSession(database.url, async (client) => {
        const sql = `SELECT nspname FROM pg_namespace WHERE oid >= 16384 AND nspname !~ '^pg_'`;
        return (await client.query(sql)).rows;
      });
      expect(rows).toEqual([]);
    }));
});
