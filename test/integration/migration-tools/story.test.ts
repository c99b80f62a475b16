import knex from 'knex';
import { describe, expect, it } from 'vitest';
import { callCli } from '../../support/call-cli.js';
import { testServers } from '../../support/servers.js';
import { type Scene, useScenes } from './scene.js';

const migration = (up: string) => `exports.up = (knex) => knex.raw(\`${up}\`);
exports.down = () => { throw new Error('nobody wrote a way down'); };
`;

async function migrate({ url, folder }: Scene): Promise<string[]> {
  const database = knex({
    ...{ client: 'pg', connection: url, pool: { min: 0, max: 1 } },
    migrations: { directory: `${folder}/migrations` },
  });
  try {
    const [, names] = await database.migrate.latest();
    return names;
  } finally {
    await database.destroy();
  }
}

async function belay({ url, folder }: Scene, ...args: string[]) {
  const run = await callCli([...args, '--json'], {
    cwd: folder,
    env: { DATABASE_URL: url, BELAY_STORE: `${folder}/store` },
  });
  expect(run.stderr + run.stdout).not.toContain('"error"');
  return { ...run.json, exitCode: run.exitCode };
}

const project = {
  'knexfile.js': "module.exports = { migrations: { directory: './migrations' } };\n",
  'migrations/01_users.js': migration('CREATE TABLE users (id int, name text)'),
};

describe.each(testServers())('a team that uses Knex, on $name', (server) => {
  const withScene = useScenes(server);

  it('gets back to a version that has no way down, and forward again', () =>
    withScene(project, async (scene) => {
      await migrate(scene);
      const first = await belay(scene, 'schema', 'snapshot');
      scene.write(
        'migrations/02_items.js',
        migration('CREATE TABLE items (id int); ALTER TABLE users ADD email text'),
      );
      await migrate(scene);
      await belay(scene, 'schema', 'snapshot');
      const { versions } = await belay(scene, 'schema', 'list');
      expect(versions).toMatchObject([
        { version: '02', name: 'items', tool: 'knex', isCurrent: true },
        { version: '01', name: 'users', tool: 'knex', checksum: first.checksum },
      ]);

      const rolledBack = await belay(scene, 'rollback', '01', '--force');
      expect(rolledBack).toMatchObject({ ok: true, rolledBack: ['02'], exitCode: 0 });
      expect(await belay(scene, 'schema', 'drift')).toMatchObject({ drifted: false, exitCode: 0 });
      expect(await belay(scene, 'schema', 'list')).toMatchObject({ current: '01' });

      expect(await migrate(scene)).toEqual(['02_items.js']);
      expect(await belay(scene, 'schema', 'drift')).toMatchObject({ drifted: true, exitCode: 7 });
      await belay(scene, 'schema', 'snapshot');
      expect(await belay(scene, 'schema', 'list')).toMatchObject({ current: '02' });
      expect(await belay(scene, 'schema', 'drift')).toMatchObject({ drifted: false });
    }));
});
