import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { cleanEnvironment, testServers, withSession } from '../../support/servers.js';
import { testHome } from '../../support/test-home.js';
import { makeScene, type Scene } from './scene.js';

const source = new URL('../../../src/', import.meta.url);
const program = `
  const { openTarget } = await import(${JSON.stringify(new URL('features/target/open-target.ts', source).href)});
  const { executeRollback } = await import(${JSON.stringify(new URL('features/rollback/execute.ts', source).href)});
  const target = await openTarget({ url: process.env.TEST_URL, env: process.env, cwd: process.cwd() });
  await executeRollback(target, { version: '1', data: true, force: true, keep: 'none' });
`;

/** Rolls back in a process of its own. */
function start({ url, project }: Scene, adminUrl: string): ChildProcess {
  const child = spawn(
    process.execPath,
    ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', program],
    {
      cwd: project.folder,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...cleanEnvironment(),
        ...{ TEST_URL: url, BELAY_HOME: testHome(), BELAY_DRILL_SERVER: adminUrl },
        BELAY_STORE: `${project.folder}/.store`,
      },
    },
  );
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

const users = `CREATE TABLE users (id int PRIMARY KEY, email text, note text);
  INSERT INTO users VALUES (1, 'a', 'n'), (2, 'b', 'n');`;

/** What was put back is noted in the registry, when all of it is back. */
const waiting = `SELECT 1 FROM pg_locks
  WHERE NOT granted AND relation = 'belay.record_backups'::regclass`;

// One server is enough: what is tried is what Belay leaves, and starting a process takes seconds.
describe.each(testServers().slice(-1))('a rollback that is killed on $name', (server) => {
  let scene: Scene;
  afterEach(() => scene.drop());

  it('leaves nothing half done, and runs the next time', { timeout: 240_000 }, async () => {
    scene = await makeScene(server, {
      '1': users,
      '2': 'DELETE FROM users; ALTER TABLE users DROP note;',
    });
    await scene.up();
    await withSession(scene.url, async (client) => {
      await client.query('BEGIN; LOCK TABLE belay.record_backups IN EXCLUSIVE MODE');
      const child = start(scene, server.adminUrl);
      const exited = once(child, 'exit');
      while ((await scene.rows(waiting)).length === 0) expect(child.exitCode).toBeNull();
      child.kill('SIGKILL');
      expect((await exited)[1]).toBe('SIGKILL');
      // The server notices within a second that nobody waits.
      await expect.poll(() => scene.rows(waiting), { timeout: 30_000 }).toEqual([]);
    });

    expect(await scene.table('users')).toEqual([]);
    expect(
      await scene.rows('SELECT count(restored_at)::int AS n FROM belay.record_backups'),
    ).toEqual([{ n: 0 }]);
    expect(await scene.project.applied()).toEqual(['1', '2']);
    const { ok } = await scene.back();
    expect(ok).toBe(true);
    expect(await scene.table('users', 'id, email, note')).toEqual(['(1,a,n)', '(2,b,n)']);
    expect(
      await scene.rows('SELECT count(restored_at)::int AS n FROM belay.record_backups'),
    ).toEqual([{ n: 2 }]);
  });
});
