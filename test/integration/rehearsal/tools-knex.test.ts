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
    'knexfile.js': `module.exports = { client: 'pg', connection: process.env.DATABASE_URL };\n`,
    'migrations/01_people.js': `
      exports.up = async (knex) => {
        await knex.schema.createTable('people', (t) => {
          t.increments(); t.string('name').notNullable(); t.string('phone'); t.boolean('active');
        });
        await knex.schema.createTable('visits', (t) => {
          t.increments(); t.integer('person_id').references('people.id').onDelete('CASCADE');
        });
      };
      exports.down = () => {};`,
  },
  command: nodeProgram('knex/bin/cli.js', 'migrate:latest'),
  // Two without a phone; three that are not active, with three visits each.
  seed: `
    INSERT INTO people (name, phone, active)
      SELECT 'person ' || n, CASE WHEN n % 5 > 0 THEN '+1 ' || n END, n <= 7 FROM generate_series(1, 10) n;
    INSERT INTO visits (person_id) SELECT 1 + n % 10 FROM generate_series(1, 30) n`,
  last: {
    'migrations/02_cleanup.js': `
      exports.up = async (knex) => {
        await knex('people').where({ active: false }).del();
        await knex.schema.alterTable('people', (t) => {
          t.dropColumn('phone'); t.string('email').defaultTo('?');
        });
        await knex('people').where('id', '<', 3).update({ name: knex.raw('upper(name)') });
        await knex('people').update({ active: knex.ref('active') });
      };
      exports.down = () => {};`,
  },
};

const failing = {
  'migrations/03_broken.js': `
    exports.config = { transaction: false };
    exports.up = async (knex) => {
      await knex('visits').where('id', '>', 20).del();
      await knex.schema.alterTable('people', (t) => { t.dropColumn('no such column'); });
    };
    exports.down = () => {};`,
};

describe.each(testServers())('a migration of Knex, rehearsed on $name', (server) => {
  it('does on the copy what it does for real, and nothing else', () =>
    withTool(server, project, async (scene) => {
      const { exitCode, stderr, rehearsal } = await scene.rehearse();
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 });
      expect(rehearsal).toMatchObject({ ok: true, exitCode: 0, timedOut: false, file: null });
      expect(lossesOf(rehearsal)).toEqual({
        'public.knex_migrations': { change: 'kept', rowsInserted: 1, columns: [] },
        'public.people': {
          ...{ change: 'kept', rowsDeleted: 3, rowsUpdated: 2, valuesLost: 6, valuesChanged: 2 },
          columns: ['name kept, 2 changed', 'phone dropped, 6 lost', 'email added, 7 set'],
        },
        'public.visits': { change: 'kept', rowsDeleted: 9, columns: [] },
      });
      expect(rehearsal).toMatchObject({ recordsLost: 18, valuesChanged: 2 });
      expect(rehearsal.untouched).toMatchObject({ status: 'proven' });
      expect(rehearsal.schema).toMatchObject([
        { kind: 'added', name: 'public.people.email' },
        { kind: 'removed', name: 'public.people.phone', safety: 'DATA_LOSS' },
      ]);
      await scene.expectUntouched();
      expect(await scene.migrate()).toBe(0);
      await scene.expectFulfilled(rehearsal);
    }));

  it('that fails halfway is reported with what it had done by then', () =>
    withTool(server, project, async (scene) => {
      scene.write(failing);
      const { exitCode, rehearsal } = await scene.rehearse();
      expect(exitCode).not.toBe(0);
      expect(rehearsal).toMatchObject({ ok: false, exitCode: 1, timedOut: false });
      expect(lossesOf(rehearsal)).toMatchObject({ 'public.visits': { rowsDeleted: 16 } });
      await scene.expectUntouched();
      expect(await scene.migrate()).toBe(1);
      await scene.expectFulfilled(rehearsal);
    }));

  it('that loses more than the limits allow is not ok, whatever the tool says of it', () =>
    withTool(server, project, async (scene) => {
      const allowed = await scene.rehearse(['--max-records-lost', '18']);
      expect(allowed).toMatchObject({ exitCode: 0, rehearsal: { ok: true, exceeded: [] } });
      const { exitCode, rehearsal } = await scene.rehearse(['--max-records-lost', '17']);
      expect(exitCode).toBe(3);
      expect(rehearsal).toMatchObject({
        ...{ ok: false, exitCode: 0 },
        exceeded: [{ threshold: 'maxRecordsLost', limit: 17, actual: 18 }],
      });
      await scene.expectUntouched();
    }));
});
