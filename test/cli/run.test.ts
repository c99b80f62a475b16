import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callCli } from '../support/call-cli.js';
import { cleanEnvironment, runBelay, type TestDatabase, testServers } from '../support/servers.js';
import { createShop, run } from '../support/targets.js';
import { makeTempFolder } from '../support/temp-folder.js';
import { makeServerFolder } from '../support/throwaway-server.js';

const program = fileURLToPath(new URL('../../bin/belay.js', import.meta.url));

/** The only one here with pg_dump. */
const servers = testServers().filter(({ major }) => major === 15);

/** A command of node, that leaves a file where it ran. */
const nodeCommand = (script: string) => [
  process.execPath,
  '-e',
  `require('fs').writeFileSync('ran', ''); ${script}`,
];

describe('belay run without a database', () => {
  const nowhere = { BELAY_URL: 'postgres://u:s3cret@127.0.0.1:1/shop' };

  it.each([
    [['run'], 'USAGE'],
    [['run', '--checkpoint', '--'], 'USAGE'],
    [['run', '--checkpoint', 'npm', 'run', 'migrate'], 'USAGE'],
    [['run', '--no-drill', '--', 'true'], 'USAGE'],
    [['run', '--tag', '-x', '--', 'true'], 'BAD_TAG'],
    [['run', '--encrypt-to', 'age1nobody', '--', 'true'], 'BAD_RECIPIENT'],
    [['run', '--drill', 'never', '--', 'true'], 'USAGE'],
  ])('%j is exit 2', async (args, code) => {
    const { exitCode, json } = await callCli(['--json', ...args], { env: nowhere });
    expect({ exitCode, json }).toMatchObject({ exitCode: 2, json: { error: { code } } });
  });

  it.each(['no-such-program-here', './no-such-file', './not-executable', '/tmp'])(
    '%s is no program: exit 6, before anything is done',
    async (name) => {
      // The server is not even asked: that would be SERVER_UNREACHABLE.
      const { exitCode, json } = await callCli(['run', '--json', '--', name], {
        env: { ...nowhere, PATH: process.env.PATH },
        cwd: makeTempFolder({ 'not-executable': '' }),
      });
      expect(exitCode).toBe(6);
      expect(json.error).toMatchObject({ code: 'TOOL_MISSING' });
      expect(json.error.message).toContain(name);
    },
  );

  it('a server out of reach is exit 6, and the command never runs', async () => {
    const cwd = makeTempFolder();
    const args = ['run', '--checkpoint', '--', ...nodeCommand('')];
    const { exitCode, stderr } = await runBelay(args, { env: nowhere, cwd });
    expect(exitCode).toBe(6);
    expect(stderr).not.toContain('s3cret');
    expect(existsSync(join(cwd, 'ran'))).toBe(false);
  });
});

describe.each(servers)('belay run on $name', (server) => {
  let shop: TestDatabase;
  /** Where drills have their servers. Other users may enter it: root's servers run as one. */
  let home: string;
  beforeAll(async () => {
    [shop, home] = await Promise.all([createShop(server), makeServerFolder()]);
  });
  afterAll(async () => {
    await shop.drop();
    await rm(home, { recursive: true, force: true });
  });

  /** A folder to run in and a store of the test. */
  function makePlace() {
    const cwd = makeTempFolder({ 'store/': '' });
    const env = { BELAY_HOME: home, BELAY_URL: shop.url, BELAY_STORE: join(cwd, 'store') };
    return {
      ...{ cwd, env, ran: () => existsSync(join(cwd, 'ran')) },
      ledger: async () => (await runBelay(['ledger', '--json'], { env, cwd })).json.entries,
    };
  }

  it('runs the command behind a proven checkpoint: its words, its output, its exit code', async () => {
    const { cwd, env, ledger } = makePlace();
    const words = ['--', '--flag', '--json', '--tag', 'a b', '$HOME; exit 9', '', '-x'];
    const script = `console.log(JSON.stringify([process.argv.slice(1), process.env.BELAY_CHECKPOINT_TAG])); process.exit(5)`;
    const given = [...nodeCommand(script), ...words];
    const { exitCode, stdout, stderr } = await runBelay(
      ['run', '--checkpoint', '--tag', 'before', '--', ...given],
      { env, cwd },
    );
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 5 });
    // node itself takes the first "--".
    expect(JSON.parse(stdout)).toEqual([words.slice(1), 'before']);
    expect(stderr).toContain('"before" is proven');
    expect(stderr).toContain('failed with exit code 5: "before" is the state before');
    const entries = await ledger();
    expect(entries).toMatchObject([
      { action: 'checkpoint', outcome: 'done', rows: 3, snapshot: { tag: 'before' } },
      {
        ...{ action: 'migration', outcome: 'failed', snapshot: { tag: 'before' } },
        details: { command: 'node', exitCode: 5, signal: null },
      },
    ]);
    // Arguments of a command may be secrets.
    expect(JSON.stringify(entries)).not.toContain('--flag');
    const verified = await runBelay(['ledger', 'verify', '--json'], { env, cwd });
    expect(verified).toMatchObject({ exitCode: 0, json: { ok: true, entries: 2, manifests: 1 } });
  });

  it('shows what pending migrations would do, and runs nothing that the policy refuses', async () => {
    const { cwd, env, ran } = makePlace();
    await mkdir(join(cwd, 'migrations'));
    await writeFile(join(cwd, 'migrations/1_drop.sql'), 'DROP TABLE items CASCADE;');
    const shown = await runBelay(['run', '--', ...nodeCommand('')], { env, cwd });
    expect(shown).toMatchObject({ exitCode: 0 });
    expect(shown.stderr).toMatch(/DROP TABLE +items +3 rows affected/);
    await rm(join(cwd, 'ran'));
    const config = { migrations: { policy: { refuse: ['drop-table'] } } };
    await writeFile(join(cwd, 'belay.config.json'), JSON.stringify(config));
    const refused = await runBelay(['run', '--json', '--', ...nodeCommand('')], { env, cwd });
    expect(refused).toMatchObject({ exitCode: 3, json: { error: { code: 'POLICY_REFUSED' } } });
    expect(ran()).toBe(false);
  });

  it('--json: one document on stdout, what the command prints on stderr', async () => {
    const { cwd, env } = makePlace();
    const { exitCode, json, stderr } = await runBelay(
      ['run', '--json', '--', ...nodeCommand(`console.log('printed by the command')`)],
      { env, cwd },
    );
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: 'printed by the command\n' });
    expect(json).toEqual({
      ok: true,
      checkpoint: expect.objectContaining({
        ...{ ok: true, restore_drill: 'proven', rows: 3, tables: 1 },
        tag: expect.stringMatching(/^before-node-\d{8}-\d{6}-[0-9a-z]{4}$/),
      }),
      exitCode: 0,
      impacts: [],
      rehearsal: null,
      // No migration tool and no history: nothing is recorded.
      schema: null,
      durationMs: expect.any(Number),
    });
  });

  it('a checkpoint that is not proven is exit 7, and the command never runs', async () => {
    const { cwd, env, ran, ledger } = makePlace();
    // Restores have no search_path, so this check finds no "items" there.
    await run(
      shop.url,
      `CREATE FUNCTION some_items() RETURNS bool LANGUAGE sql AS 'SELECT count(*) > 0 FROM items';
       CREATE TABLE unrestorable AS SELECT 1 AS n;
       ALTER TABLE unrestorable ADD CHECK (some_items())`,
    );
    try {
      const args = ['run', '--checkpoint', '--tag', 'bad'];
      const plain = await runBelay([...args, '--', ...nodeCommand('')], { env, cwd });
      const { exitCode, stdout, stderr } = plain;
      expect({ exitCode, stdout, stderr }).toMatchObject({ exitCode: 7, stdout: '' });
      expect(stderr).toContain('is NOT proven');
      expect(stderr).toContain('the command was not run');
      expect(ran()).toBe(false);
      const again = await runBelay([...args, '--json', '--', ...nodeCommand('')], { env, cwd });
      expect({ exitCode: again.exitCode, json: again.json }).toMatchObject({
        exitCode: 7,
        json: { ok: false },
      });
      expect(ran()).toBe(false);
      const made = (await ledger()).map(
        ({ action, outcome }: Record<string, string>) => `${action} ${outcome}`,
      );
      const each = ['checkpoint failed', 'migration refused'];
      expect(made).toEqual([...each, ...each]);
    } finally {
      await run(shop.url, 'DROP TABLE unrestorable; DROP FUNCTION some_items()');
    }
  });

  it('a tag that exists is exit 5, and the command never runs', async () => {
    const { cwd, env, ran } = makePlace();
    const args = ['run', '--tag', 'twice', '--'];
    expect((await runBelay([...args, 'true'], { env, cwd })).exitCode).toBe(0);
    expect((await runBelay([...args, ...nodeCommand('')], { env, cwd })).exitCode).toBe(5);
    expect(ran()).toBe(false);
  });

  /** Runs Belay, and calls back as soon as stderr shows the text. */
  async function during(
    place: ReturnType<typeof makePlace>,
    command: string[],
    text: string,
    act: (child: ChildProcess) => void,
  ) {
    const child = spawn(process.execPath, [program, 'run', '--', ...command], {
      cwd: place.cwd,
      env: { ...cleanEnvironment(), ...place.env },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    let acted = false;
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
      if (acted || !stderr.includes(text)) return;
      acted = true;
      act(child);
    });
    const [exitCode] = await once(child, 'exit');
    return { exitCode, stderr };
  }

  const waiting = `console.error('ready'); setInterval(() => {}, 1000);`;

  it.each([
    ['SIGTERM', 'process.exit(42)', 42],
    ['SIGINT', 'process.exit(43)', 43],
    ['SIGHUP', 'process.exit(44)', 44],
  ] as const)('hands %s on, and the command ends as it likes', async (signal, reaction, exit) => {
    const command = nodeCommand(`process.on('${signal}', () => ${reaction}); ${waiting}`);
    const { exitCode } = await during(makePlace(), command, 'ready', (child) => child.kill(signal));
    expect(exitCode).toBe(exit);
  });

  it('waits for a command that takes its time, however often it is asked to end', async () => {
    const script = `let n = 0; process.on('SIGTERM', () => { n += 1; console.error('got ' + n); if (n === 3) process.exit(7 * n); }); ${waiting}`;
    const { exitCode, stderr } = await during(
      makePlace(),
      nodeCommand(script),
      'ready',
      (child) => {
        for (const delayMs of [0, 150, 300]) setTimeout(() => child.kill('SIGTERM'), delayMs);
      },
    );
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 21 });
    expect(stderr).toContain('got 3');
  });

  it('a command that a signal ended is 128 + its number, and so it is in the ledger', async () => {
    const place = makePlace();
    const { exitCode } = await during(place, nodeCommand(waiting), 'ready', (child) =>
      child.kill('SIGTERM'),
    );
    expect(exitCode).toBe(143);
    expect((await place.ledger()).at(-1)).toMatchObject({
      ...{ action: 'migration', outcome: 'failed' },
      details: { exitCode: 143, signal: 'SIGTERM' },
    });
  });

  it('SIGTERM before the checkpoint is done is exit 143: no command, and nothing sealed', async () => {
    const place = makePlace();
    // Enough for the signal to come while it is dumped.
    await run(shop.url, 'CREATE TABLE big AS SELECT n FROM generate_series(1, 1000000) n');
    try {
      const { exitCode } = await during(place, nodeCommand(''), 'archive', (child) =>
        child.kill('SIGTERM'),
      );
      expect(exitCode).toBe(143);
      expect(place.ran()).toBe(false);
      const left = await readdir(join(place.cwd, 'store'), { recursive: true });
      expect(left.filter((name) => /manifests\/|\.dump|\.part-/.test(name))).toEqual([]);
    } finally {
      await run(shop.url, 'DROP TABLE big');
    }
  });

  it('a command that cannot be started after all is exit 6, and says so', async () => {
    const place = makePlace();
    // An executable without a program in it: only starting it can tell.
    await writeFile(join(place.cwd, 'odd'), '#!/no/such/interpreter\n', { mode: 0o755 });
    const { exitCode, json } = await runBelay(['run', '--json', '--', './odd'], place);
    expect({ exitCode, json }).toMatchObject({
      exitCode: 6,
      json: { error: { code: 'TOOL_MISSING' } },
    });
  });
});
