import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ActionCall,
  type ActionRun,
  readAction,
  runAction,
} from '../support/action-runner.js';
import { runBelay, type TestDatabase, testServers } from '../support/servers.js';
import { createShop, run } from '../support/targets.js';
import { makeTempFolder } from '../support/temp-folder.js';
import { makeServerFolder } from '../support/throwaway-server.js';

const belay = fileURLToPath(new URL('../../bin/belay.js', import.meta.url));
const url = 'postgres://app:hunt%40er2@db.example.com/shop';

const proven = {
  ...{ ok: true, tag: 'before', size: '1.2 MB', sizeBytes: 1_200_000, sha256: 'ab'.repeat(32) },
  ...{
    restore_drill: 'proven',
    rows: 3,
    tables: 1,
    ledger: { number: 7, sha256: 'cd'.repeat(32) },
  },
};

/** A program in Belay's place: it says what it was given, and answers as the test wants. */
async function standIn(script: string) {
  const folder = makeTempFolder();
  const command = join(folder, 'stand-in.mjs');
  const head = `import { writeFileSync } from 'node:fs';
    const given = { args: process.argv.slice(2), env: process.env };
    writeFileSync(${JSON.stringify(join(folder, 'given.json'))}, JSON.stringify(given));
    const answer = (document) => process.stdout.write(JSON.stringify(document, null, 2));
    const proven = ${JSON.stringify(proven)};`;
  await writeFile(command, `${head}\n${script}`);
  const act = (inputs: ActionCall['inputs'] = {}, call: Partial<ActionCall> = {}) =>
    runAction({ inputs: { target: url, store: 's3://b/p', command, ...inputs }, ...call });
  const given = async () => JSON.parse(await readFile(join(folder, 'given.json'), 'utf8'));
  return { act, given };
}

/** All that anybody can see of a run. */
const visible = (done: ActionRun) => JSON.stringify(done);

/** Outputs of the other modes. */
const noBranch = { url: '', database: '', name: '', created: '', expires_at: '' };
const nothing = { tag: '', size: '', size_bytes: '', sha256: '', ledger_head: '', ...noBranch };

describe('the action’s checkpoint, with a program in the place of Belay', () => {
  it('is composite, and no input gets into a script', () => {
    const { runs, inputs } = readAction();
    expect(runs.using).toBe('composite');
    for (const { run: script, shell } of runs.steps) {
      expect(shell).toBe('bash');
      expect(script).not.toContain('${{');
    }
    const passed = Object.values(runs.steps[0]?.env ?? {}).join();
    for (const name of Object.keys(inputs)) {
      if (name !== 'working-directory') expect(passed).toContain(`inputs.${name} }}`);
    }
  });

  it('has all its inputs and outputs in the documentation', async () => {
    const text = await readFile(new URL('../../docs/ci.md', import.meta.url), 'utf8');
    const { inputs, outputs } = readAction();
    for (const name of [...Object.keys(inputs), ...Object.keys(outputs)]) {
      expect(text).toContain(`\`${name}\``);
    }
  });

  it('passes inputs on, secrets by the environment only', async () => {
    const { act, given } = await standIn('answer(proven)');
    const { exitCode } = await act({
      ...{ drill: 'deep', 'lock-days': '30', 'encrypt-to': 'age1one\n age1two', tag: '-x $(id)' },
      ...{ endpoint: 'https://minio:9000', region: 'eu-1' },
    });
    expect(exitCode).toBe(0);
    const { args, env } = await given();
    expect(args).toEqual([
      ...['checkpoint', '--json', '--tag=-x $(id)', '--drill=deep'],
      ...['--encrypt-to=age1one', '--encrypt-to=age1two', '--lock-days=30'],
    ]);
    expect(env).toMatchObject({
      ...{ BELAY_URL: url, BELAY_STORE: 's3://b/p' },
      ...{ AWS_ENDPOINT_URL: 'https://minio:9000', AWS_REGION: 'eu-1' },
    });
    expect(Object.keys(env).filter((name) => name.startsWith('BELAY_INPUT'))).toEqual([]);
  });

  it('gives outputs and a summary of a proven checkpoint', async () => {
    const { act } = await standIn(`process.stderr.write('dump …\\n'); answer(proven)`);
    const { exitCode, outputs, summary, log, errors } = await act();
    expect({ exitCode, errors }).toEqual({ exitCode: 0, errors: [] });
    expect(outputs).toEqual({
      ...{ tag: 'before', size: '1.2 MB', size_bytes: '1200000', sha256: proven.sha256 },
      ...{ ledger_head: proven.ledger.sha256, restore_drill: 'proven', ...noBranch },
    });
    expect(summary).toContain('Checkpoint: proven');
    expect(summary).toContain('1 table, 3 rows');
    expect(log).toContain('dump …');
    expect(log).toContain(`ledger head: 7 ${proven.ledger.sha256}`);
  });

  it.each<[string, string, number, string]>([
    [
      'a drill that failed',
      `answer({ ...proven, ok: false, restore_drill: 'failed', differences: [{ what: 'rows', name: 'public.t', expected: 3, actual: 2 }] }); process.exitCode = 7`,
      7,
      'failed',
    ],
    ['one that was not drilled', `answer({ ...proven, restore_drill: 'not-run' })`, 7, 'not-run'],
    [
      'a drill that failed with exit code 0',
      `answer({ ...proven, restore_drill: 'failed' })`,
      7,
      'failed',
    ],
    ['"proven" with an exit code of failure', `answer(proven); process.exitCode = 6`, 6, 'not-run'],
    ['"proven" that is not ok', `answer({ ...proven, ok: false })`, 7, 'not-run'],
    [
      'an error',
      `answer({ ok: false, error: { code: 'LOCKED', message: 'in use', hint: null } }); process.exitCode = 5`,
      5,
      'not-run',
    ],
    ['no answer', '', 7, 'not-run'],
    ['half an answer', `process.stdout.write('{"ok":true,')`, 7, 'not-run'],
    ['null', `answer(null)`, 7, 'not-run'],
    [
      'a crash',
      `process.kill(process.pid, 'SIGKILL'); setInterval(() => {}, 1000)`,
      137,
      'not-run',
    ],
  ])('%s fails the step, and no output claims a checkpoint', async (_, script, exit, drill) => {
    const { act } = await standIn(script);
    const { exitCode, outputs, summary, errors } = await act();
    expect(exitCode).toBe(exit);
    expect(outputs).toEqual({ ...nothing, restore_drill: drill });
    expect(errors).toHaveLength(1);
    expect(summary).toContain('NOT proven');
  });

  it('shows message and hint of an error, whatever is in them', async () => {
    const message = 'no "x"\n::set-output name=tag::evil | <b> 100%';
    const { act } = await standIn(
      `answer({ ok: false, error: { code: 'TAG_EXISTS', message: ${JSON.stringify(message)}, hint: 'take another' } }); process.exitCode = 5`,
    );
    const { errors, summary, exitCode } = await act();
    expect(exitCode).toBe(5);
    expect(errors).toEqual([`${message}\ntake another`]);
    expect(summary).not.toContain('<b>');
    expect(summary.split('\n').filter((line) => line.startsWith('|'))).toHaveLength(5);
  });

  it('values cannot forge outputs, nor what Belay prints commands', async () => {
    const tag = 'x\nrestore_drill=forged\nbelay_00\nsha256<<E\nforged\nE';
    const { act } = await standIn(
      `process.stderr.write('::add-mask::a\\n::error::forged\\n'); answer({ ...proven, tag: ${JSON.stringify(tag)} })`,
    );
    const { outputs, errors, log } = await act();
    expect(outputs).toMatchObject({ tag, restore_drill: 'proven', sha256: proven.sha256 });
    expect(errors).toEqual([]);
    expect(log).toContain('::error::forged');
  });

  it.each([
    [url, ['hunt%40er2', 'hunt@er2']],
    ['postgres://app:p:a@s/s@db/shop', ['p:a@s/s']],
    ['host=db user=app password=hunter2 dbname=shop', ['hunter2']],
    [`host=db password='hun\\'t er2' dbname=shop`, [`hun\\'t er2`, `hun't er2`]],
    ['postgres://db/shop?user=app&password=hunter2', ['hunter2']],
  ])('the log hides the password of %s, should anything print it', async (target, secrets) => {
    const { act } = await standIn(
      `process.stderr.write(${JSON.stringify(secrets.join('\n'))} + '\\n'); answer(proven)`,
    );
    const done = await act({ target });
    expect(done.exitCode).toBe(0);
    expect(done.log).toContain('***');
    for (const secret of secrets)
      expect(visible(done)).not.toContain(JSON.stringify(secret).slice(1, -1));
  });

  it.each([
    [{ target: '' }, 'target is empty'],
    [{ store: '' }, 'store is empty'],
    [{ drill: 'false' }, 'drill is false'],
    [{ command: '', version: '../evil' }, 'version'],
  ])('%j is refused before anything is run', async (inputs, message) => {
    const { act, given } = await standIn('answer(proven)');
    const { exitCode, errors, outputs } = await act(inputs);
    expect(exitCode).toBe(2);
    expect(errors.join()).toContain(message);
    expect(outputs.restore_drill).toBe('not-run');
    await expect(given()).rejects.toThrow('ENOENT');
  });

  it('the store may also be the job’s variable', async () => {
    const { act, given } = await standIn('answer(proven)');
    await act({ store: '' }, { env: { BELAY_STORE: 's3://from/env' } });
    expect((await given()).env.BELAY_STORE).toBe('s3://from/env');
  });

  it('a commit that has a checkpoint already gets another one, a tag of the user does not', async () => {
    const script = `const tag = given.args[2].slice(6);
      if (!/-77-2$/.test(tag)) {
        answer({ ok: false, error: { code: 'TAG_EXISTS', message: tag + ' exists', hint: null } });
        process.exitCode = 5;
      } else answer({ ...proven, tag });`;
    const { act } = await standIn(script);
    const github = { run_attempt: '2' };
    const again = await act({}, { github });
    expect(again).toMatchObject({ exitCode: 0, outputs: { tag: 'pre-deploy-4f3a9c1d-77-2' } });
    expect(again.errors).toEqual([]);
    const named = await act({ tag: 'mine' }, { github });
    expect(named).toMatchObject({ exitCode: 5, errors: ['mine exists'] });
  });

  it('a cancelled job lets Belay clean up, and waits for it', async () => {
    const { act } = await standIn(
      `process.on('SIGTERM', () => setTimeout(() => { answer({ ok: false, error: { code: 'TERMINATED', message: 'nothing was kept', hint: null } }); process.exit(143); }, 200));
       process.stderr.write('at work\\n'); setInterval(() => {}, 1000);`,
    );
    let cancelled = false;
    const { exitCode, errors } = await act(
      {},
      {
        onLog: (log, cancel) => {
          if (cancelled || !log.includes('at work')) return;
          cancelled = true;
          cancel();
        },
      },
    );
    expect({ exitCode, errors }).toEqual({ exitCode: 143, errors: ['nothing was kept'] });
  });

  it('a missing program is exit 6, and says which', async () => {
    const { act } = await standIn('');
    const { exitCode, errors } = await act({ command: './no/such/belay' });
    expect(exitCode).toBe(6);
    expect(errors.join()).toContain('./no/such/belay');
  });
});

/** The only one here with pg_dump. */
const servers = testServers().filter(({ major }) => major === 15);

describe.each(servers)('the action on $name', (server) => {
  let shop: TestDatabase;
  let home: string;
  beforeAll(async () => {
    [shop, home] = await Promise.all([createShop(server), makeServerFolder()]);
  });
  afterAll(async () => {
    await shop.drop();
    await rm(home, { recursive: true, force: true });
  });

  function makePlace() {
    const store = makeTempFolder();
    const env = { BELAY_HOME: home, BELAY_COMMAND: belay };
    const act = (inputs: ActionCall['inputs'] = {}, call: Partial<ActionCall> = {}) =>
      runAction({ inputs: { target: shop.url, store, ...inputs }, env, ...call });
    const ask = (...args: string[]) =>
      runBelay([...args, '--json'], { env: { ...env, BELAY_URL: shop.url, BELAY_STORE: store } });
    return { act, ask };
  }

  it('makes a proven checkpoint of the commit, and another one when the job is run again', async () => {
    const { act, ask } = makePlace();
    const first = await act();
    expect(first).toMatchObject({ exitCode: 0, errors: [] });
    expect(first.outputs).toEqual({
      ...{ tag: 'pre-deploy-4f3a9c1d', restore_drill: 'proven', ...noBranch },
      size: expect.stringMatching(/^[\d.]+ k?B$/),
      size_bytes: expect.stringMatching(/^\d+$/),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      ledger_head: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
    expect(visible(first)).not.toContain(server.password);
    const second = await act({}, { github: { run_attempt: '2' } });
    expect(second).toMatchObject({ exitCode: 0, outputs: { tag: 'pre-deploy-4f3a9c1d-77-2' } });
    const verified = await ask('ledger', 'verify', '--head', first.outputs.ledger_head ?? '');
    expect(verified.json).toMatchObject({ ok: true, entries: 2, manifests: 2 });
  });

  it('a drill that fails fails the step', async () => {
    // Restores have no search_path, so this check finds no "items" there.
    await run(
      shop.url,
      `CREATE FUNCTION some_items() RETURNS bool LANGUAGE sql AS 'SELECT count(*) > 0 FROM items';
       CREATE TABLE unrestorable AS SELECT 1 AS n;
       ALTER TABLE unrestorable ADD CHECK (some_items())`,
    );
    try {
      const { exitCode, outputs, errors, summary } = await makePlace().act();
      expect(exitCode).toBe(7);
      expect(outputs).toEqual({ ...nothing, restore_drill: 'failed' });
      expect(errors.join()).toContain('not proven');
      expect(summary).toContain('NOT proven');
    } finally {
      await run(shop.url, 'DROP TABLE unrestorable; DROP FUNCTION some_items()');
    }
  });

  it('a database out of reach fails the step, and shows no password', async () => {
    const { act } = makePlace();
    const done = await act({ target: 'postgres://app:hunter2@127.0.0.1:1/shop' });
    expect(done).toMatchObject({ exitCode: 6, outputs: { ...nothing, restore_drill: 'not-run' } });
    expect(done.errors).toHaveLength(1);
    expect(visible(done)).not.toContain('hunter2');
  });
});
