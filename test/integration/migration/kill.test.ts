import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { migrateUp } from '../../../src/features/migration/up.js';
import {
  cleanEnvironment,
  createTestDatabase,
  type TestDatabase,
  testServers,
} from '../../support/servers.js';
import { rowsOf } from '../../support/targets.js';
import { testHome } from '../../support/test-home.js';
import { makeProject, type Project } from './project.js';

const source = new URL('../../../src/', import.meta.url);
const program = `
  const { openTarget } = await import(${JSON.stringify(new URL('features/target/open-target.ts', source).href)});
  const { migrateUp } = await import(${JSON.stringify(new URL('features/migration/up.ts', source).href)});
  await migrateUp(await openTarget({ url: process.env.TEST_URL, env: process.env, cwd: process.cwd() }));
`;

/** Migrates in a process of its own. */
function start({ folder }: Project, url: string): ChildProcess {
  const tsx = import.meta.resolve('tsx');
  const child = spawn(
    process.execPath,
    ['--import', tsx, '--input-type=module', '--eval', program],
    {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        ...cleanEnvironment(),
        ...{ TEST_URL: url, BELAY_HOME: testHome(), BELAY_STORE: join(folder, '.store') },
      },
    },
  );
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

const sleepers = `SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND wait_event = 'PgSleep'`;

// One server is enough: what is tried is what Belay leaves, and starting a process takes seconds.
describe.each(testServers().slice(-1))('a migration that is killed on $name', (server) => {
  let db: TestDatabase;
  afterEach(() => db.drop());

  it('leaves nothing half done, and runs the next time', async () => {
    db = await createTestDatabase(server, { name: 'killed' });
    const project = makeProject(db.url, {
      '1_before/up.sql': 'CREATE TABLE before ();',
      '2_slow/up.sql': 'CREATE TABLE half ();\nSELECT pg_sleep(600);\nCREATE TABLE rest ();',
    });
    const child = start(project, db.url);
    const exited = once(child, 'exit');
    const areSleeping = async () => (await rowsOf(db.url, sleepers, [db.name])).length > 0;
    while (!(await areSleeping())) expect(child.exitCode).toBeNull();
    child.kill('SIGKILL');
    expect((await exited)[1]).toBe('SIGKILL');

    expect(await project.applied()).toEqual(['1']);
    project.write('migrations/2_slow/up.sql', 'CREATE TABLE half ();\nCREATE TABLE rest ();');
    // The server notices within a second that nobody waits; until then the lock is the dead one's.
    const { applied } = await project.run((target) => migrateUp(target));
    expect(applied.map(({ version }) => version)).toEqual(['2']);
    expect(await areSleeping()).toBe(false);
  });
});
