import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import {
  connectionUrl,
  createBranch,
  findBranches,
  followGitBranch,
  installGitHooks,
  resolveTarget,
  switchToBranch,
} from '../../../src/index.js';
import { bundleProgram, type GitProject, makeGitProject } from '../../support/git-project.js';
import { makeProgramFolder } from '../../support/program-folder.js';
import { startThrowawayServer, type TestServer, testServers } from '../../support/servers.js';
import {
  addItem,
  createShop,
  databasesOf,
  itemsOf,
  rowsOf,
  run,
  withTarget,
} from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';

let program: string;
beforeAll(async () => {
  program = await bundleProgram(makeProgramFolder());
});

interface Shop extends GitProject {
  readonly url: string;
  readonly database: string;
  /** Names of the target's branches. */
  branches(): Promise<string[]>;
  /** URL of the current branch, as a program in the working tree would find it. */
  urlHere(): Promise<string>;
}

/** A project with the hooks installed, and a shop for its database. */
async function makeShop(
  server: TestServer,
  branches: object = {},
  files: Record<string, string> = {},
): Promise<Shop> {
  const database = await createShop(server);
  onTestFinished(async () => {
    // One test has stopped the server.
    const names = await databasesOf(server, database.name).catch(() => []);
    for (const name of names) {
      await run(server.adminUrl, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
    }
  });
  const project = await makeGitProject(
    {
      '.gitignore': '.env*\n',
      'belay.config.json': JSON.stringify({ targets: {}, branches }),
      ...files,
    },
    program,
  );
  project.write('.env', `DATABASE_URL=${database.url}\n`);
  await installGitHooks({ cwd: project.folder, env: project.env, program: ['/n', '/b'] });
  return asShop(project, database.url, database.name);
}

function asShop(project: GitProject, url: string, database: string): Shop {
  return {
    ...{ ...project, url, database },
    branches: () =>
      withTarget(url, async (target) =>
        (await findBranches(target)).map(({ record }) => record.name),
      ),
    urlHere: async () => {
      const found = await resolveTarget({ cwd: project.folder, env: project.env, follow: true });
      return connectionUrl(found.settings, { withPassword: true });
    },
  };
}

const dataOf = async (shop: Shop) => itemsOf(await shop.urlHere());

/** A branch that somebody has made without a checkout. */
const makeBranch = (shop: Shop, name: string) =>
  withTarget(shop.url, async (target) => (await createBranch(target, { name })).branch);

describe.each(testServers())('git checkout on $name', (server) => {
  it('gives a git branch a database of its own, and leads back', async () => {
    const shop = await makeShop(server, { envFile: '.env.local' });
    const made = await shop.git('checkout', '-b', 'invoices');
    expect(made.stderr).toContain('belay: made branch invoices, database ');
    expect(await shop.current()).toBe('invoices');
    await addItem(await shop.urlHere(), 'invoice');
    const file = join(shop.folder, '.env.local');
    expect(readFileSync(file, 'utf8')).toContain(`DATABASE_URL="${await shop.urlHere()}"`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await shop.git('checkout', 'main');
    expect(await shop.current()).toBeNull();
    expect(existsSync(file)).toBe(false);
    expect(await itemsOf(shop.url)).not.toContain('invoice');
    expect(await dataOf(shop)).not.toContain('invoice');
    await shop.git('switch', '-');
    expect(await dataOf(shop)).toContain('invoice');
    expect(await shop.branches()).toEqual(['invoices']);
  });

  it('keeps the working trees of a repository apart, also when they work at once', async () => {
    const shop = await makeShop(server, {}, { '.env.example': '' });
    const place = makeTempFolder();
    const names = ['left', 'right'];
    const trees = names.map((name) => asShop(shop.at(join(place, name)), shop.url, shop.database));
    for (const [index, tree] of trees.entries()) {
      await shop.git(
        'worktree',
        'add',
        '--quiet',
        '-b',
        names[index] as string,
        tree.folder,
        '--no-checkout',
      );
      await tree.git('reset', '--quiet', '--hard');
      tree.write('.env', `DATABASE_URL=${shop.url}\n`);
    }
    await Promise.all(
      trees.map((tree, index) => tree.git('checkout', '-B', names[index] as string)),
    );
    await Promise.all(
      trees.map(async (tree, index) => addItem(await tree.urlHere(), names[index] as string)),
    );
    const [left, right] = trees as [Shop, Shop];
    expect([await left.current(), await right.current(), await shop.current()]).toEqual([
      ...names,
      null,
    ]);
    expect(await dataOf(left)).not.toContain('right');
    expect(await dataOf(right)).not.toContain('left');
    expect((await itemsOf(shop.url)).filter((name) => names.includes(name))).toEqual([]);
  });

  it('starts a new working tree with the database of its git branch', async () => {
    const shop = await makeShop(server);
    const folder = join(makeTempFolder(), 'tree');
    const env = { DATABASE_URL: shop.url };
    await shop.run('git', ['worktree', 'add', '--quiet', '-b', 'topic', folder], env);
    expect(await shop.at(folder).current()).toBe('topic');
    expect(await shop.current()).toBeNull();
  });

  it('follows however git gets to a branch', async () => {
    const shop = await makeShop(server);
    await shop.git('switch', '--quiet', '-c', 'one');
    await shop.git('checkout', '--quiet', '-B', 'two');
    expect(await shop.current()).toBe('two');
    await shop.git('checkout', '--quiet', '-');
    expect(await shop.current()).toBe('one');
    shop.write('file.txt', 'changed\n');
    await shop.git('stash');
    await shop.git('stash', 'branch', 'three');
    expect(await shop.current()).toBe('three');
    await shop.git('checkout', '--quiet', '--orphan', 'four');
    expect(await shop.current()).toBe('four');
    await shop.git('checkout', '--quiet', '--force', 'main');
    expect(await shop.current()).toBeNull();
    expect(await shop.branches()).toEqual(['one', 'two', 'three', 'four']);
  });

  it('follows to where a rebase ends, and not through it', async () => {
    const shop = await makeShop(server);
    await shop.git('checkout', '--quiet', '-b', 'topic');
    await shop.git('commit', '--quiet', '--allow-empty', '--message=topic');
    await shop.git('checkout', '--quiet', 'main');
    await shop.git('commit', '--quiet', '--allow-empty', '--message=main');
    await shop.git('rebase', 'main', 'topic');
    expect(await shop.current()).toBe('topic');
    expect(await shop.branches()).toEqual(['topic']);
  });

  const quiet: [string, (shop: Shop) => Promise<unknown>][] = [
    ['a checkout of files', (shop) => shop.git('checkout', 'HEAD', '--', 'file.txt')],
    ['a detached HEAD', (shop) => shop.git('checkout', '--detach')],
    [
      'a stopped rebase',
      (shop) => shop.run('git', ['rebase', '--exec', 'git checkout -q -b x; false', 'HEAD~1']),
    ],
    [
      'a bisect',
      async (shop) => {
        await shop.git('bisect', 'start', 'HEAD', 'HEAD~2');
        await shop.git('checkout', '--quiet', '-b', 'within');
        await shop.git('bisect', 'reset');
      },
    ],
    [
      'a fresh clone',
      async (shop) => {
        const template = join(makeTempFolder(), 'template');
        const folder = join(makeTempFolder(), 'clone');
        await shop.run('cp', ['-r', join(shop.folder, '.git'), template]);
        await shop.run('rm', [
          '-rf',
          ...['objects', 'refs', 'HEAD', 'index', 'logs', 'packed-refs', 'config'].map((n) =>
            join(template, n),
          ),
        ]);
        const env = { DATABASE_URL: shop.url };
        const args = [
          'clone',
          '--quiet',
          '--template',
          template,
          '--branch',
          'side',
          shop.folder,
          folder,
        ];
        const { exitCode } = await shop.run('git', args, env);
        expect(exitCode).toBe(0);
        expect(existsSync(join(folder, '.git/hooks/post-checkout'))).toBe(true);
      },
    ],
    ['BELAY_HOOKS=0', (shop) => shop.run('git', ['checkout', '-b', 'x'], { BELAY_HOOKS: '0' })],
  ];
  it.each(quiet)('does nothing in %s', async (_what, work) => {
    const shop = await makeShop(server);
    await shop.git('branch', 'side');
    for (const message of ['a', 'b', 'c']) {
      await shop.git('commit', '--quiet', '--allow-empty', `--message=${message}`);
    }
    await work(shop);
    expect(await shop.branches()).toEqual([]);
    expect(await shop.current()).toBeNull();
  });

  it('does nothing where the config says so', async () => {
    const shop = await makeShop(server, { onCheckout: 'off' });
    expect((await shop.git('checkout', '-b', 'x')).stderr).not.toContain('belay');
    expect(await shop.branches()).toEqual([]);
  });

  it('leaves a working tree alone that was given a branch of its own', async () => {
    const shop = await makeShop(server);
    const folder = join(makeTempFolder(), 'tree');
    await shop.run('git', ['worktree', 'add', '--quiet', '-b', 'topic', folder], {
      BELAY_HOOKS: '0',
    });
    const branch = await makeBranch(shop, 'mine');
    const env = { ...shop.env, DATABASE_URL: shop.url };
    await withTarget(shop.url, (target) =>
      switchToBranch({ ...target, env }, branch, { cwd: folder }),
    );
    await shop.at(folder).git('checkout', '--quiet', '-b', 'next');
    expect(await shop.at(folder).current()).toBe('mine');
    expect(await shop.branches()).toEqual(['mine']);
  });

  it('only switches where the config says that, and never stays on the database of another branch', async () => {
    const shop = await makeShop(server, { onCheckout: 'switch' });
    await makeBranch(shop, 'known');
    await shop.git('checkout', '--quiet', '-b', 'known');
    expect(await shop.current()).toBe('known');
    const { stderr } = await shop.git('checkout', '-b', 'unknown');
    expect(stderr).toContain('belay branch create');
    expect(await shop.current()).toBeNull();
    expect(await shop.branches()).toEqual(['known']);
  });

  it('goes by the main branches of the config', async () => {
    const shop = await makeShop(server, { main: ['develop'] });
    await shop.git('checkout', '--quiet', '-b', 'develop');
    expect(await shop.current()).toBeNull();
    await shop.git('checkout', '--quiet', 'main');
    expect(await shop.current()).toBe('main');
  });

  it('takes any name that git takes, and tells all of them apart', async () => {
    const shop = await makeShop(server);
    const names = [
      ...['feature/invoices', 'Invoices', 'invoices', 'rechnüng-€-发票', 'it\'s"q', 'live'],
      ...[
        'x'.repeat(200),
        `${'x'.repeat(199)}y`,
        `${'深'.repeat(66)}a`,
        'a=b;c',
        '$(id)`id`;id&x|y',
      ],
    ];
    const place = { cwd: shop.folder, env: shop.env };
    // Without a process for each: the hook's own way is what the other tests go.
    const checkout = async (...args: string[]) => {
      await shop.run('git', ['checkout', '--quiet', ...args], { BELAY_HOOKS: '0' });
      return (await followGitBranch(place)).action;
    };
    for (const name of names) {
      expect(await checkout('-b', name)).toBe('created');
      await run(await shop.urlHere(), `CREATE TABLE "${names.indexOf(name)}" ()`);
    }
    for (const name of names) {
      expect(await checkout(name)).toBe('switched');
      const url = await shop.urlHere();
      const tables = await rowsOf(url, `SELECT relname FROM pg_class WHERE relname ~ '^[0-9]+$'`);
      expect(tables).toContainEqual({ relname: String(names.indexOf(name)) });
    }
    expect(new Set(await shop.branches()).size).toBe(names.length);
  }, 180_000);

  it('keeps the database of a git branch that is renamed', async () => {
    const shop = await makeShop(server);
    await shop.git('checkout', '--quiet', '-b', 'invoices');
    await addItem(await shop.urlHere(), 'invoice');
    await shop.git('branch', '--move', 'billing');
    await shop.git('checkout', '--quiet', 'main');
    const { stderr } = await shop.git('checkout', 'billing');
    expect(stderr).toContain('"invoices" before');
    expect(await shop.branches()).toEqual(['billing']);
    expect(await dataOf(shop)).toContain('invoice');
    await shop.git('checkout', '--quiet', '-b', 'invoices');
    expect(await shop.branches()).toEqual(['billing', `invoices@${hostname()}`]);
    expect(await dataOf(shop)).not.toContain('invoice');
  });

  it('never takes the branch of another repository or machine', async () => {
    const shop = await makeShop(server);
    const git = { branch: 'topic', commit: null, repository: '/elsewhere/.git', host: 'other' };
    await withTarget(shop.url, (target) => createBranch(target, { name: 'topic', git }));
    await shop.git('checkout', '--quiet', '-b', 'topic');
    expect(await shop.branches()).toEqual(['topic', `topic@${hostname()}`]);
    expect(await shop.current()).toBe(`topic@${hostname()}`);
  });

  it('starts from the branch whose migrations are nearest', async () => {
    const migration = 'CREATE TABLE a ();';
    const shop = await makeShop(server, {}, { 'migrations/001_a.up.sql': migration });
    await shop.run('belay', ['migrate', 'up']);
    await shop.git('checkout', '--quiet', '-b', 'invoices');
    shop.write('migrations/002_invoices.up.sql', 'CREATE TABLE invoices ();');
    await shop.git('add', '--all');
    await shop.git('commit', '--quiet', '--message=invoices');
    const up = await shop.run('belay', ['migrate', 'up']);
    expect(up.exitCode).toBe(0);
    const next = await shop.git('checkout', '-b', 'invoices-pdf');
    expect(next.stderr).toContain('starts from branch "invoices"');
    expect(await rowsOf(await shop.urlHere(), `SELECT to_regclass('invoices') AS found`)).toEqual([
      { found: 'invoices' },
    ]);
    await shop.git('checkout', '--quiet', 'main');
    const other = await shop.git('checkout', '-b', 'unrelated');
    expect(other.stderr).not.toContain('starts from');
    expect(await rowsOf(await shop.urlHere(), `SELECT to_regclass('invoices') AS found`)).toEqual([
      { found: null },
    ]);
  });

  it('makes one database where two checkouts ask at once, and the last one counts', async () => {
    const shop = await makeShop(server);
    await shop.run('git', ['checkout', '--quiet', '-b', 'first'], { BELAY_HOOKS: '0' });
    const hook = () => shop.run('belay', ['git', 'hook', 'post-checkout', 'a', 'b', '1']);
    const running = [hook(), hook()];
    await shop.run('git', ['checkout', '--quiet', '-b', 'second'], { BELAY_HOOKS: '0' });
    running.push(hook(), hook());
    const ended = await Promise.all(running);
    expect(ended.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
    expect(await shop.current()).toBe('second');
    expect((await shop.branches()).filter((name) => name === 'second')).toHaveLength(1);
  });

  it('replaces a state that was half written, and says so', async () => {
    const shop = await makeShop(server);
    await shop.git('checkout', '--quiet', '-b', 'topic');
    const file = join(shop.folder, '.git/belay/current-branch.json');
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 40));
    expect(await shop.current()).toBeNull();
    const { stderr } = await shop.git('checkout', 'topic');
    expect(stderr).toContain('could not be read');
    expect(await shop.current()).toBe('topic');
  });

  it('commands say that the branch is gone, and how to go back', async () => {
    const shop = await makeShop(server);
    await shop.git('checkout', '--quiet', '-b', 'topic');
    const name = new URL(await shop.urlHere()).pathname.slice(1);
    await run(server.adminUrl, `DROP DATABASE "${name}" WITH (FORCE)`);
    const status = await shop.run('belay', ['status']);
    expect(status.exitCode).toBe(4);
    expect(status.stderr).toContain('belay branch switch main');
    expect((await shop.run('belay', ['branch', 'switch', 'main'])).exitCode).toBe(0);
    expect((await shop.run('belay', ['status'])).exitCode).toBe(0);
  });
});

describe('git checkout', () => {
  it('makes no branch of a database that may be production', async () => {
    const [server] = testServers() as [TestServer];
    const shop = await makeShop(server);
    const production = { targets: { p: { url: shop.url, environment: 'production' } } };
    shop.write('belay.config.json', JSON.stringify(production));
    const { stderr } = await shop.git('checkout', '-b', 'topic');
    expect(stderr).toContain('PRODUCTION_GUARD');
    expect(stderr).toContain('belay branch create');
    expect(await shop.branches()).toEqual([]);
  });

  it('goes on where the server is down, says it in a line, and still leads back', async () => {
    const server = await startThrowawayServer({ major: 15 });
    onTestFinished(() => server.stop());
    const shop = await makeShop(server);
    await shop.git('checkout', '--quiet', '-b', 'known');
    await server.stop();
    const { exitCode, stderr } = await shop.run('git', ['checkout', '-b', 'topic']);
    expect(exitCode).toBe(0);
    const lines = stderr.split('\n').filter((line) => line.startsWith('belay: '));
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('SERVER_UNREACHABLE');
    await shop.git('checkout', '--quiet', 'main');
    expect(await shop.current()).toBeNull();
  });

  it('says in a line what is wrong with the config', async () => {
    const project = await makeGitProject({}, program);
    await installGitHooks({ cwd: project.folder, env: project.env, program: ['/n', '/b'] });
    project.write('belay.config.json', '{"branches": {"onCheckout": "maybe"}}');
    const { exitCode, stderr } = await project.run('git', ['checkout', '-b', 'topic']);
    expect(exitCode).toBe(0);
    expect(stderr).toContain('BAD_CONFIG');
  });

  it('without a database to be found says so, and nothing else happens', async () => {
    const project = await makeGitProject({}, program);
    const followed = followGitBranch({ cwd: project.folder, env: project.env });
    expect(await followed).toMatchObject({ action: 'none' });
    await project.git('checkout', '--quiet', '-b', 'topic');
    await expect(followGitBranch({ cwd: project.folder, env: project.env })).rejects.toMatchObject({
      code: 'NO_TARGET',
    });
  });
});
