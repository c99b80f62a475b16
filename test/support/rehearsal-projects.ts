import { nodeProgram, type ToolProject } from './rehearsal-tools.js';

/** A project with Knex: its last migration loses 18 records (3 people, 9 visits, 6 phones) and changes 2 values. */
export const knexProject: ToolProject = {
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

/** One more migration, which fails after it has deleted. */
export const knexFailure = {
  'migrations/03_broken.js': `
    exports.config = { transaction: false };
    exports.up = async (knex) => {
      await knex('visits').where('id', '>', 20).del();
      await knex.schema.alterTable('people', (t) => { t.dropColumn('no such column'); });
    };
    exports.down = () => {};`,
};
