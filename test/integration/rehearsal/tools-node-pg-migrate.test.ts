import { describe, expect, it } from 'vitest';
import {
  lossesOf,
  nodeProgram,
  type ToolProject,
  withTool,
} from '../../support/rehearsal-tools.js';
import { testServers } from '../../support/servers.js';

const project: ToolProject = {
  files: {
    'package.json': '{"type": "module"}',
    'migrations/1767225600000_events.js': `
      export const up = (pgm) => {
        pgm.createTable('events', { id: 'id', kind: { type: 'text', notNull: true }, data: 'json', seen: 'timestamptz' });
        pgm.createTable('tags', { name: { type: 'text', primaryKey: true }, uses: 'integer' });
      };
      export const down = false;`,
  },
  command: nodeProgram('node-pg-migrate/bin/node-pg-migrate.js', 'up'),
  seed: `
    INSERT INTO events (kind, data, seen)
      SELECT 'kind ' || n % 3, CASE WHEN n > 4 THEN '{"b":1, "a":2, "a":3}'::json END, '2026-01-01 12:00+00'::timestamptz + n * interval '61 min'
        FROM generate_series(1, 12) n;
    INSERT INTO tags SELECT 'tag ' || n, n FROM generate_series(1, 9) n`,
  // The table of tags is emptied and filled again, with fewer: what comes back as it was is not lost.
  last: {
    'migrations/1767312000000_audit.js': `
      export const up = (pgm) => {
        pgm.renameTable('events', 'audit');
        pgm.alterColumn('audit', 'data', { type: 'jsonb', using: 'data::jsonb' });
        pgm.alterColumn('audit', 'seen', { type: 'date' });
        pgm.addColumn('audit', { source: { type: 'text', notNull: true, default: 'app' } });
        pgm.sql("CREATE TEMP TABLE kept AS SELECT * FROM tags WHERE uses > 3");
        pgm.sql('TRUNCATE tags');
        pgm.sql("INSERT INTO tags SELECT name, CASE WHEN uses < 9 THEN uses END FROM kept ORDER BY name DESC");
        pgm.sql("INSERT INTO tags VALUES ('new', 1)");
      };
      export const down = false;`,
  },
};

describe.each(testServers())('a migration of node-pg-migrate, rehearsed on $name', (server) => {
  it('does on the copy what it does for real, and nothing else', () =>
    withTool(server, project, async (scene) => {
      const { exitCode, stderr, rehearsal } = await scene.rehearse();
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      expect(lossesOf(rehearsal)).toEqual({
        'public.pgmigrations': { change: 'kept', rowsInserted: 1, columns: [] },
        // jsonb forgets the order and the doubles, date the time of the day.
        'public.events': {
          ...{ change: 'kept', rowsUpdated: 12, valuesChanged: 20 },
          columns: ['data retyped, 8 changed', 'seen retyped, 12 changed', 'source added, 12 set'],
        },
        'public.tags': {
          ...{ change: 'kept', rowsInserted: 1, rowsDeleted: 3, rowsUpdated: 1, valuesLost: 1 },
          columns: ['uses kept, 1 lost'],
        },
      });
      expect(rehearsal.tables).toContainEqual(
        expect.objectContaining({ table: 'public.events', renamedTo: 'public.audit' }),
      );
      expect(rehearsal).toMatchObject({ ok: true, recordsLost: 4, valuesChanged: 20 });
      expect(rehearsal.untouched).toMatchObject({ status: 'proven' });
      await scene.expectUntouched();
      expect(await scene.migrate()).toBe(0);
      await scene.expectFulfilled(rehearsal);
    }));

  it('that fails is reported', () =>
    withTool(server, project, async (scene) => {
      scene.write({
        'migrations/1767312000000_audit.js': `
          export const up = (pgm) => { pgm.noTransaction(); pgm.sql('DELETE FROM tags WHERE uses > 5'); pgm.sql('SELECT 1 / 0'); };
          export const down = false;`,
      });
      const { exitCode, rehearsal } = await scene.rehearse();
      expect(exitCode).toBe(7);
      expect(rehearsal).toMatchObject({ ok: false, exitCode: 1, recordsLost: 4 });
      await scene.expectUntouched();
    }));
});
