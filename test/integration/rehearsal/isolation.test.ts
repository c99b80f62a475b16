import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { checkCommand } from '../../../src/features/rehearsal/run-on-copy.js';
import { failure } from '../../support/failure.js';
import { createTestRole, testServers, withSession } from '../../support/servers.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import {
  dropScene,
  itemsOf,
  makeScene,
  nodeScript,
  open,
  psql,
  resetScene,
  runCommandOn,
  type Scene,
} from './isolation-scene.js';

const insert = `INSERT INTO items VALUES (2, 'harness')`;

describe.each(testServers())('a command on a copy on $name', (server) => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await makeScene(server);
  });
  beforeEach(() => resetScene(scene));
  afterAll(() => dropScene(scene));

  it('finds the copy in DATABASE_URL, and the target is proven untouched', async () => {
    const run = await runCommandOn(scene, ['node', 'migrate.js'], {
      files: { 'migrate.js': nodeScript(insert) },
    });
    expect(run).toMatchObject({ exitCode: 0, signal: null, timedOut: false, leftBehind: 0 });
    expect(run.untouched.status).toBe('proven');
    expect(run.untouched.evidence.join(' ')).toMatch(/same checksum.*No row.*No session was begun/);
    expect(run).toMatchObject({ copySessions: 1, endedSessions: 0, notes: [] });
    expect(run.variables).toContain('DATABASE_URL');
    expect(await itemsOf(scene.copy.url)).toEqual(['rope', 'harness']);
    expect(await itemsOf(scene.target.url)).toEqual(['rope']);
  });

  it.runIf(psql)('finds it through the variables of libpq', async () => {
    const run = await runCommandOn(scene, [psql ?? '', '-qc', insert], {
      env: { DATABASE_URL: undefined, PGDATABASE: scene.target.name },
    });
    expect(run).toMatchObject({ exitCode: 0, untouched: { status: 'proven' } });
    expect(await itemsOf(scene.copy.url)).toEqual(['rope', 'harness']);
  });

  it('finds it in the keys of .env files, which do not win over the environment', async () => {
    const script = nodeScript(insert, 'process.env.MIGRATOR_URL').replace(
      'const pg',
      `for (const line of require('fs').readFileSync('.env', 'utf8').split('\\n')) {
         const [name, ...value] = line.split('=');
         process.env[name] ??= value.join('=');
       }
       const pg`,
    );
    const run = await runCommandOn(scene, ['node', 'migrate.js'], {
      files: { 'migrate.js': script, '.env': `MIGRATOR_URL=${scene.target.url}` },
      env: { DATABASE_URL: undefined },
    });
    expect(run).toMatchObject({ exitCode: 0, untouched: { status: 'proven' } });
    expect(await itemsOf(scene.copy.url)).toEqual(['rope', 'harness']);
  });

  it('logs in as its own role, with a password of any characters', async () => {
    const role = await createTestRole(server);
    const password = `p@ss/w:o?r#d %41 '"\\ü$&`;
    const url = new URL(scene.target.url);
    url.username = role.name;
    url.password = encodeURIComponent(password);
    try {
      await withSession(server.adminUrl, async (client) => {
        const literal = client.escapeLiteral(password);
        await client.query(`ALTER ROLE ${role.name} PASSWORD ${literal}`);
      });
      await withSession(scene.copy.url, (client) =>
        client.query(`GRANT ALL ON items TO ${role.name}`),
      );
      const run = await runCommandOn(scene, ['node', 'migrate.js'], {
        files: { 'migrate.js': nodeScript('INSERT INTO items VALUES (3, current_user)') },
        env: { DATABASE_URL: url.href },
      });
      expect(run).toMatchObject({ exitCode: 0, untouched: { status: 'proven' } });
      expect(await itemsOf(scene.copy.url)).toEqual(['rope', role.name]);
    } finally {
      await withSession(scene.copy.url, (client) => client.query(`DROP OWNED BY ${role.name}`));
      await role.drop();
    }
  });

  it('that fails halfway has its exit code, and the target is untouched all the same', async () => {
    const sql = `${insert}; INSERT INTO items VALUES (1, 'twice')`;
    const run = await runCommandOn(scene, ['node', 'migrate.js'], {
      files: { 'migrate.js': nodeScript(sql) },
    });
    expect(run).toMatchObject({ exitCode: 1, untouched: { status: 'proven' } });
  });

  it('that hangs in a statement is ended at its limit, and its session too', async () => {
    const run = await runCommandOn(scene, ['node', 'migrate.js'], {
      files: { 'migrate.js': nodeScript('SELECT pg_sleep(600)') },
      ...{ timeoutMs: 1_500, graceMs: 500 },
    });
    expect(run).toMatchObject({
      timedOut: true,
      endedSessions: 1,
      untouched: { status: 'proven' },
    });
    const left = await withSession(server.adminUrl, (client) =>
      client.query('SELECT 1 FROM pg_stat_activity WHERE datname = $1', [scene.copy.name]),
    );
    expect(left.rows).toEqual([]);
  });

  it('that works on in the background is ended, and cannot write later', async () => {
    const files = {
      'later.js': `require('fs').writeFileSync('begun', ''); setTimeout(() => { ${nodeScript(insert)} }, 4000);`,
      'run.sh':
        'setsid -f node later.js < /dev/null > /dev/null 2>&1\nwhile [ ! -e begun ]; do sleep 0.05; done\n',
    };
    const run = await runCommandOn(scene, ['sh', 'run.sh'], { files });
    expect(run).toMatchObject({ exitCode: 0, copySessions: 0 });
    expect(run.leftBehind).toBeGreaterThanOrEqual(1);
    expect(run.notes.join(' ')).toMatch(/left \d+ process.*never connected to the copy/);
    expect(existsSync(join(run.folder, 'begun'))).toBe(true);
  });

  it('works on a copy on another server, as a role of that one', async () => {
    const other = testServers().find(({ name }) => name !== server.name);
    if (!other) throw new Error('there is only one server');
    const far = await makeScene(other);
    try {
      const run = await runCommandOn(scene, ['node', 'migrate.js'], {
        files: { 'migrate.js': nodeScript(insert) },
        copy: { url: far.copy.url, server: other },
      });
      expect(run).toMatchObject({ exitCode: 0, copySessions: 1, untouched: { status: 'proven' } });
      expect(await itemsOf(far.copy.url)).toEqual(['rope', 'harness']);
      expect(await itemsOf(scene.copy.url)).toEqual(['rope']);
    } finally {
      await dropScene(far);
    }
  });

  it('is refused where a file has the target’s address, unless that is allowed', async () => {
    const url = new URL(scene.target.url);
    const files = {
      'knexfile.js': `module.exports = {\n  client: 'pg',\n  connection: '${url.href}',\n};`,
      'migrate.js': `require('fs').writeFileSync('ran', '');`,
    };
    const cwd = makeTempFolder(files);
    const error = await failure(
      runCommandOn(scene, ['node', 'migrate.js'], { cwd }),
      'COMMAND_NOT_ISOLATED',
    );
    expect(error.message).toContain('knexfile.js:3');
    expect(error.details.findings).toEqual([
      { file: 'knexfile.js', line: 3, what: url.href.replace(url.password, '***') },
    ]);
    expect(JSON.stringify([error.message, error.details])).not.toContain(url.password);
    expect(existsSync(join(cwd, 'ran'))).toBe(false);
    const run = await runCommandOn(scene, ['node', 'migrate.js'], { cwd, allowHardcoded: true });
    expect(run).toMatchObject({ exitCode: 0, untouched: { status: 'proven' } });
  });

  it('is looked at before there is a copy', async () => {
    const cwd = makeTempFolder();
    const target = await open(scene.target.url, {});
    try {
      await failure(checkCommand(target, ['no-such-program'], { cwd }), 'TOOL_MISSING');
      const command = ['psql', '-d', scene.target.name] as const;
      await failure(checkCommand(target, ['env', ...command], { cwd }), 'COMMAND_NOT_ISOLATED');
      await checkCommand(target, ['env', 'psql'], { cwd });
    } finally {
      await target.close();
    }
  });

  it('leaves no session when it is interrupted', async () => {
    const cwd = makeTempFolder({ 'migrate.js': nodeScript('SELECT pg_sleep(600)') });
    const abort = new AbortController();
    const call = { cwd, signal: abort.signal, graceMs: 300 };
    const running = failure(runCommandOn(scene, ['node', 'migrate.js'], call), 'INTERRUPTED');
    const sleeping = () =>
      withSession(server.adminUrl, async (client) => {
        const sql = `SELECT 1 FROM pg_stat_activity WHERE datname = ANY ($1) AND query ~ 'pg_sleep'`;
        return (await client.query(sql, [[scene.copy.name, scene.target.name]])).rows.length;
      });
    while ((await sleeping()) === 0) await sleep(20);
    abort.abort('SIGINT');
    await running;
    while ((await sleeping()) > 0) await sleep(20);
  });
});

describe('a target with an odd name', () => {
  it.each([`a "b" 'c'; d`, 'x=y %41/ü', '-d', 'line\nbreak'])(
    '%j is led away from as well',
    async (name) => {
      const server = testServers()[0];
      if (!server) throw new Error('there is no server');
      const scene = await makeScene(server, `${name} ${Math.random().toString(36).slice(2)}`);
      try {
        const run = await runCommandOn(scene, ['node', 'migrate.js'], {
          files: { 'migrate.js': nodeScript(insert) },
        });
        expect(run).toMatchObject({
          exitCode: 0,
          copySessions: 1,
          untouched: { status: 'proven' },
        });
        expect(await itemsOf(scene.copy.url)).toEqual(['rope', 'harness']);
      } finally {
        await dropScene(scene);
      }
    },
  );
});
