import { resolveBinary } from 'dbmate';
import { describe, expect, it } from 'vitest';
import { lossesOf, type ToolProject, withTool } from '../../support/rehearsal-tools.js';
import { testServers } from '../../support/servers.js';

const project: ToolProject = {
  files: {
    'db/migrations/20260101000000_items.sql': `-- migrate:up
      CREATE TABLE items (id int PRIMARY KEY, name text, price numeric(8,2));
      CREATE TABLE scratch (id int);
-- migrate:down`,
  },
  command: [resolveBinary(), '--no-dump-schema', 'migrate'],
  urlOf: (url) => {
    const result = new URL(url);
    result.searchParams.set('sslmode', 'disable');
    return result.href;
  },
  seed: `
    INSERT INTO items SELECT n, 'item ' || n, n * 2.5 FROM generate_series(1, 20) n;
    INSERT INTO scratch SELECT 1 FROM generate_series(1, 4) n`,
  // Made anew under its own name, without some rows, and with a column of another type.
  last: {
    'db/migrations/20260102000000_anew.sql': `-- migrate:up
      CREATE TABLE items_new (id bigint PRIMARY KEY, name text NOT NULL, price double precision);
      INSERT INTO items_new SELECT id, CASE WHEN id = 7 THEN 'seven' ELSE name END, price FROM items WHERE id <= 15;
      DROP TABLE items;
      ALTER TABLE items_new RENAME TO items;
      DROP TABLE scratch;
      CREATE TABLE fresh AS SELECT generate_series(1, 3) AS n;
-- migrate:down`,
  },
};

describe.each(testServers())('a migration of dbmate, rehearsed on $name', (server) => {
  it('does on the copy what it does for real, and nothing else', () =>
    withTool(server, project, async (scene) => {
      const { exitCode, stderr, rehearsal } = await scene.rehearse();
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      expect(lossesOf(rehearsal)).toMatchObject({
        'public.fresh': { change: 'created', rowsInserted: 3 },
        'public.items': {
          ...{ change: 'remade', rowsDeleted: 5, rowsUpdated: 1, valuesChanged: 1 },
          columns: ['id retyped', 'name kept, 1 changed', 'price retyped'],
        },
        'public.schema_migrations': { change: 'kept', rowsInserted: 1 },
        'public.scratch': { change: 'dropped', rowsDeleted: 4 },
      });
      expect(rehearsal).toMatchObject({ ok: true, recordsLost: 9, valuesChanged: 1 });
      expect(rehearsal.tables).toHaveLength(4);
      await scene.expectUntouched();
      expect(await scene.migrate()).toBe(0);
      await scene.expectFulfilled(rehearsal);
    }));
});
