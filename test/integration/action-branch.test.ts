import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ActionCall, type ActionRun, runAction } from '../support/action-runner.js';
import { type TestDatabase, testServers } from '../support/servers.js';
import { addItem, createShop, databasesOf, itemsOf, run } from '../support/targets.js';
import { makeTempFolder } from '../support/temp-folder.js';
import { testHome } from '../support/test-home.js';

const belay = fileURLToPath(new URL('../../bin/belay.js', import.meta.url));
const target = 'postgres://app:hunt%40er2@db.example.com/shop';
const made = {
  ...{ name: 'pr-12', url: 'postgresql://app:hunt%40er2@db.example.com:5432/shop_pr_12' },
  ...{ database: 'shop_pr_12', isolation: 'database', created: true },
  expiresAt: '2026-11-22T14:00:00.000Z',
};

/** As GitHub has it in a run for a pull request. */
const pullRequest = (number = 12) => ({
  GITHUB_REF: `refs/pull/${number}/merge`,
  GITHUB_REF_NAME: `${number}/merge`,
});

/** A program in Belay's place: it says what it was given, and answers as the test wants. */
async function standIn(script: string) {
  const folder = makeTempFolder();
  const command = join(folder, 'stand-in.mjs');
  const head = `import { writeFileSync } from 'node:fs';
    const given = { args: process.argv.slice(2), env: process.env };
    writeFileSync(${JSON.stringify(join(folder, 'given.json'))}, JSON.stringify(given));
    const answer = (document) => process.stdout.write(JSON.stringify(document, null, 2));
    const made = ${JSON.stringify(made)};`;
  await writeFile(command, `${head}\n${script}`);
  const act = (inputs: ActionCall['inputs'] = {}, env: NodeJS.ProcessEnv = pullRequest()) =>
    runAction({ inputs: { mode: 'branch', target, command, ...inputs }, env });
  const given = async () => JSON.parse(await readFile(join(folder, 'given.json'), 'utf8'));
  return { act, given };
}

/** What everybody who may read the job's log and summary can see. Outputs and variables are for its steps alone. */
const visible = ({ log, errors, summary }: ActionRun) => JSON.stringify({ log, errors, summary });

const fails = `answer({ ok: false, error: { code: 'QUOTA_REACHED', message: '100 branches', hint: 'belay branch gc' } }); process.exitCode = 3`;

describe('the action’s branches, with a program in the place of Belay', () => {
  it('makes one for the pull request, and gives its URL to the later steps', async () => {
    const { act, given } = await standIn('answer(made)');
    const { exitCode, outputs, variables, summary, errors } = await act();
    expect({ exitCode, errors }).toEqual({ exitCode: 0, errors: [] });
    const { args, env } = await given();
    expect(args).toEqual([
      ...['branch', 'create', '--json', '--purpose=ci', '--if-exists=reuse', '--ttl=2h'],
      ...['--', 'pr-12'],
    ]);
    expect(env.BELAY_URL).toBe(target);
    expect(outputs).toMatchObject({
      ...{ url: made.url, database: 'shop_pr_12', name: 'pr-12', created: 'true' },
      ...{ expires_at: made.expiresAt, restore_drill: '' },
    });
    expect(variables).toEqual({ DATABASE_URL: made.url });
    expect(summary).toContain('shop&#95;pr&#95;12');
  });

  it('hides URL and password in the log, whoever prints them later', async () => {
    const { act } = await standIn(
      `process.stderr.write(made.url + ' hunt%40er2 hunt@er2\\n'); answer(made)`,
    );
    const done = await act();
    expect(done.exitCode).toBe(0);
    expect(visible(done)).not.toMatch(/hunt(%40|@)er2/);
    expect(visible(done)).not.toContain(made.url);
  });

  it('passes the other inputs on, and none of them as an option of its own', async () => {
    const { act, given } = await standIn('answer({ ...made, created: false })');
    const inputs = { name: '-x $(id)', from: '--all', ttl: '', 'if-exists': 'reset' };
    const more = { isolation: 'cluster', variable: 'APP_DB' };
    const { exitCode, outputs, variables } = await act({ ...inputs, ...more });
    expect(exitCode).toBe(0);
    expect((await given()).args).toEqual([
      ...['branch', 'create', '--json', '--purpose=ci', '--if-exists=reset', '--from=--all'],
      ...['--isolation=cluster', '--', '-x $(id)'],
    ]);
    expect(outputs).toMatchObject({ name: '-x $(id)', created: 'false' });
    expect(variables).toEqual({ APP_DB: made.url });
  });

  it('takes the number from the event: the ref of a closed pull request may be another', async () => {
    const folder = makeTempFolder({ 'event.json': '{"pull_request":{"number":77}}' });
    const { act, given } = await standIn('answer({ ok: true, database: "shop_pr_77" })');
    const env = { GITHUB_EVENT_PATH: join(folder, 'event.json'), GITHUB_REF: 'refs/heads/main' };
    const { exitCode, outputs } = await act({ mode: 'branch-delete' }, env);
    expect(exitCode).toBe(0);
    expect((await given()).args).toEqual([
      ...['branch', 'delete', '--json', '--yes', '--if-exists', '--sessions=terminate'],
      ...['--', 'pr-77'],
    ]);
    expect(outputs).toMatchObject({ name: 'pr-77', database: 'shop_pr_77' });
  });

  it('of a push, the branch has the name of the git branch', async () => {
    const { act, given } = await standIn('answer(made)');
    const env = { GITHUB_REF: 'refs/heads/feature/x', GITHUB_REF_NAME: 'feature/x' };
    await act({}, env);
    expect((await given()).args.at(-1)).toBe('feature/x');
  });

  it('one that is gone already is no failure', async () => {
    const { act } = await standIn('answer({ ok: true, name: "pr-12", database: null })');
    const { exitCode, errors, log } = await act({ mode: 'branch-delete' });
    expect({ exitCode, errors }).toEqual({ exitCode: 0, errors: [] });
    expect(log).toContain('gone already');
  });

  it.each([
    ['an error', fails, 3],
    ['no answer', '', 1],
    ['half an answer', `process.stdout.write('{"url":')`, 1],
    ['an answer without a URL', 'answer({ ok: true })', 1],
    ['a URL with an exit code of failure', 'answer(made); process.exitCode = 6', 6],
  ])('%s fails the step, and no later step gets a URL', async (_, script, exit) => {
    const { act } = await standIn(script);
    const { exitCode, outputs, variables, errors } = await act();
    expect(exitCode).toBe(exit);
    expect(errors).toHaveLength(1);
    expect(variables).toEqual({});
    expect(outputs.url).toBe('');
  });

  it('a URL cannot forge variables', async () => {
    const url = 'postgres://x/\nNODE_OPTIONS=--require=/evil\nEVIL<<E\n1\nE';
    const { act } = await standIn(`answer({ ...made, url: ${JSON.stringify(url)} })`);
    expect((await act()).variables).toEqual({ DATABASE_URL: url });
  });

  it.each([
    [{ mode: 'branches' }, 'mode is branches'],
    [{ target: '' }, 'target is empty'],
    [{ 'if-exists': 'maybe' }, 'if-exists is maybe'],
    [{ isolation: 'vm' }, 'isolation is vm'],
    [{ variable: 'A B' }, 'variable is A B'],
    [{ command: '', version: '../evil' }, 'version'],
  ])('%j is refused before anything is run', async (inputs, message) => {
    const { act, given } = await standIn('answer(made)');
    const { exitCode, errors } = await act(inputs);
    expect(exitCode).toBe(2);
    expect(errors.join()).toContain(message);
    await expect(given()).rejects.toThrow('ENOENT');
  });

  it('without a pull request, a ref and a name there is nothing to make', async () => {
    const { act } = await standIn('answer(made)');
    const { exitCode, errors } = await act({}, {});
    expect(exitCode).toBe(2);
    expect(errors.join()).toContain('name is empty');
  });
});

describe.each(testServers())('the action’s branches on $name', (server) => {
  let shop: TestDatabase;
  beforeAll(async () => {
    shop = await createShop(server);
  });
  afterAll(async () => {
    for (const name of await databasesOf(server, `${shop.name}_pr_`)) {
      await run(server.adminUrl, `DROP DATABASE "${name}" WITH (FORCE)`);
    }
    await shop.drop();
  });

  const act = (inputs: ActionCall['inputs'], number: number) => {
    const env = { BELAY_HOME: testHome(), BELAY_COMMAND: belay, ...pullRequest(number) };
    return runAction({ inputs: { target: shop.url, ...inputs }, env });
  };

  it('a pull request gets a database of its own, keeps it in the next run, and leaves none', async () => {
    const before = await databasesOf(server, shop.name);
    const first = await act({ mode: 'branch' }, 5);
    expect(first).toMatchObject({ exitCode: 0, errors: [], outputs: { created: 'true' } });
    const url = first.variables.DATABASE_URL ?? '';
    await addItem(url, 'of the pull request');
    expect(await itemsOf(shop.url)).not.toContain('of the pull request');
    const second = await act({ mode: 'branch' }, 5);
    expect(second).toMatchObject({ exitCode: 0, outputs: { created: 'false', url } });
    expect(await itemsOf(url)).toContain('of the pull request');
    const third = await act({ mode: 'branch', 'if-exists': 'reset' }, 5);
    expect(third.variables.DATABASE_URL).toBe(url);
    expect(await itemsOf(url)).not.toContain('of the pull request');
    for (const done of [first, second, third]) {
      expect(visible(done)).not.toContain(server.password);
    }
    expect(await act({ mode: 'branch-delete' }, 5)).toMatchObject({ exitCode: 0, errors: [] });
    expect(await act({ mode: 'branch-delete' }, 5)).toMatchObject({ exitCode: 0, errors: [] });
    expect(await databasesOf(server, shop.name)).toEqual(before);
  });
});
