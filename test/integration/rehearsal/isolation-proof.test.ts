import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startWatch } from '../../../src/features/rehearsal/watch-target.js';
import { testServers, withSession } from '../../support/servers.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import {
  dropScene,
  itemsOf,
  makeScene,
  nodeScript,
  open,
  resetScene,
  runCommandOn,
  type Scene,
  until,
} from './isolation-scene.js';

const insert = `INSERT INTO items VALUES (2, 'harness')`;

/** Leads past every variable to the real target: computed, so that no look at the file can find it. */
const astray = (scene: Scene, extra = '') => {
  const { hostname, port, username, password } = new URL(scene.target.url);
  const name = Buffer.from(scene.target.name).toString('base64');
  return `{ host: '${hostname}', port: ${port}, user: '${username}', password: '${password}',
    database: Buffer.from('${name}', 'base64').toString() ${extra} }`;
};

describe.each(testServers())('the proof that a target was left alone on $name', (server) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await makeScene(server);
  });
  beforeEach(() => resetScene(scene));
  afterAll(() => dropScene(scene));

  const onTarget = <T>(work: (query: (sql: string) => Promise<unknown>) => Promise<T>) =>
    withSession(scene.target.url, (client) => work((sql) => client.query(sql)));

  it('that does not use its variables is found out by its session', async () => {
    const script = nodeScript('SELECT pg_sleep(0.5)', astray(scene));
    const run = await runCommandOn(scene, ['node', 'migrate.js'], {
      files: { 'migrate.js': script },
    });
    expect(run).toMatchObject({ exitCode: 0, untouched: { status: 'touched' }, copySessions: 0 });
    expect(run.untouched.evidence.join(' ')).toContain('The command was connected to it');
  });

  it('that hides its name is found out by its port', async () => {
    const script = nodeScript('SELECT pg_sleep(0.5)', astray(scene, `, application_name: 'other'`));
    const run = await runCommandOn(scene, ['node', 'migrate.js'], {
      files: { 'migrate.js': script },
    });
    expect(run.untouched.status).toBe('touched');
    expect(run.untouched.evidence.join(' ')).toContain('application "other", from 127.0.0.1');
  });

  it.each([
    ['rows', insert],
    ['no rows that are counted', 'TRUNCATE items'],
    ['the schema', 'ALTER TABLE items ADD note text'],
    ['a sequence', `SELECT nextval('numbers')`],
  ])(
    'that writes %s of the target in a moment is found out, too short to be seen',
    async (_, sql) => {
      const script = nodeScript(sql, astray(scene, `, application_name: 'short'`));
      const run = await runCommandOn(scene, ['node', 'migrate.js'], {
        files: { 'migrate.js': script },
      });
      expect(run).toMatchObject({ exitCode: 0, untouched: { status: 'touched' } });
    },
  );

  it('is not blamed for what others do, and others are named', async () => {
    const cwd = makeTempFolder();
    const script = 'touch begun; while [ ! -e go ]; do sleep 0.05; done';
    await onTarget(async (query) => {
      const running = runCommandOn(scene, ['sh', '-c', script], { cwd });
      await until(() => existsSync(join(cwd, 'begun')), 'the command runs');
      await query(insert);
      writeFileSync(join(cwd, 'go'), '');
      const { untouched } = await running;
      expect(untouched.status).toBe('others-only');
      expect(untouched.evidence.join(' ')).toContain('1 session of others when it began');
    });
  });

  it('is not blamed for another program on this machine that comes meanwhile', async () => {
    const cwd = makeTempFolder();
    const script = 'touch begun; while [ ! -e go ]; do sleep 0.05; done';
    const running = runCommandOn(scene, ['sh', '-c', script], { cwd });
    await until(() => existsSync(join(cwd, 'begun')), 'the command runs');
    await onTarget(async (query) => {
      await query(insert);
      await query('SELECT pg_sleep(0.5)');
    });
    writeFileSync(join(cwd, 'go'), '');
    const { untouched } = await running;
    expect(untouched.status).toBe('others-only');
    expect(untouched.evidence.join(' ')).toContain('1 session of other programs came');
  });

  it('is blamed for a schema that changes, whoever was there', async () => {
    await onTarget(async (query) => {
      const script = nodeScript(
        'ALTER TABLE items ADD note text',
        astray(scene, `, application_name: 'x'`),
      );
      const run = await runCommandOn(scene, ['node', 'migrate.js'], {
        files: { 'migrate.js': script },
      });
      expect(run.untouched.status).toBe('touched');
      await query('SELECT 1');
    });
  });

  it('is told of what belongs to the whole server', async () => {
    const role = `made_${scene.target.name}`;
    const run = await runCommandOn(scene, ['node', 'migrate.js'], {
      files: { 'migrate.js': nodeScript(`CREATE ROLE ${role}`) },
    });
    await withSession(server.adminUrl, (client) => client.query(`DROP ROLE ${role}`));
    expect(run.untouched.status).toBe('proven');
    expect(run.notes.join(' ')).toContain(`new: role ${role}`);
  });

  it('goes through a unix socket where its URL does', async () => {
    const url = new URL(scene.target.url);
    url.search = `?host=${server.socketDir}`;
    const run = await runCommandOn(scene, ['node', 'migrate.js'], {
      files: { 'migrate.js': nodeScript(insert) },
      env: { DATABASE_URL: url.href },
    });
    expect(run).toMatchObject({ exitCode: 0, untouched: { status: 'proven' } });
    expect(await itemsOf(scene.copy.url)).toEqual(['rope', 'harness']);
    const script = nodeScript(
      'SELECT pg_sleep(0.5)',
      JSON.stringify(url.href.replace('real', 'r"+"eal')).replaceAll('\\"', '"'),
    );
    const lost = await runCommandOn(scene, ['node', 'migrate.js'], {
      files: { 'migrate.js': script },
    });
    expect(lost.untouched.status).toBe('touched');
  });

  it('need not be there: files are watched over too', async () => {
    const target = await open(scene.target.url, {});
    try {
      const quiet = await startWatch(target);
      expect(await quiet.finish()).toMatchObject({ status: 'proven' });
      const touched = await startWatch(target);
      await onTarget((query) => query('DELETE FROM items'));
      expect((await touched.finish()).status).not.toBe('proven');
      const replaced = await startWatch(target);
      await withSession(server.adminUrl, async (client) => {
        await client.query(`DROP DATABASE "${scene.target.name}"`);
        await client.query(`CREATE DATABASE "${scene.target.name}"`);
      });
      expect((await replaced.finish()).status).toBe('touched');
    } finally {
      await target.close();
    }
  });
});
