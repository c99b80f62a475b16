import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  branchEnvironment,
  createBranch,
  type FoundBranch,
  leaveBranch,
  openRoot,
  resolveTarget,
  switchToBranch,
} from '../../../src/index.js';
import { callCli } from '../../support/call-cli.js';
import { makeGitProject } from '../../support/git-project.js';
import { type TestServer, testServers, withDatabase } from '../../support/servers.js';
import { createShop, databasesOf, failure, run, withTarget } from '../../support/targets.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { testHome } from '../../support/test-home.js';

interface Scene {
  readonly url: string;
  readonly database: string;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly branch: FoundBranch;
  switchTo(branch: FoundBranch | null): Promise<readonly string[]>;
  cli(args: readonly string[], env?: NodeJS.ProcessEnv): ReturnType<typeof callCli>;
}

/** A project without git, whose target has the branch "invoices". */
async function makeScene(server: TestServer, branches: object = {}): Promise<Scene> {
  const { url, name: database } = await createShop(server);
  onTestFinished(async () => {
    for (const name of await databasesOf(server, database)) {
      await run(server.adminUrl, `DROP DATABASE IF EXISTS "${name}" WITH (FORCE)`);
    }
  });
  const folder = makeTempFolder({
    '.env': `DATABASE_URL=${url}\n`,
    'belay.config.json': JSON.stringify({ targets: {}, branches }),
  });
  const env = { PATH: process.env.PATH, HOME: folder, BELAY_HOME: join(testHome(), database) };
  const { branch } = await withTarget(url, (target) => createBranch(target, { name: 'invoices' }));
  const switchTo = (to: FoundBranch | null) =>
    withTarget(
      url,
      async (target) => (await switchToBranch(target, to, { cwd: folder })).warnings,
      env,
    );
  const cli: Scene['cli'] = (args, more = {}) =>
    callCli(args, { cwd: folder, env: { ...env, ...more } });
  return { url, database, folder, env, branch, switchTo, cli };
}

describe.each(testServers())('the way in, on $name', (server) => {
  it('leads commands that nobody points elsewhere to the current branch', async () => {
    const scene = await makeScene(server);
    const name = scene.branch.record.database;
    await scene.switchTo(scene.branch);
    const status = async (args: string[] = [], env: NodeJS.ProcessEnv = {}) =>
      (await scene.cli(['status', '--json', ...args], env)).json.target.database;
    expect(await status()).toBe(name);
    expect(await status(['--url', scene.url])).toBe(scene.database);
    expect(await status([], { DATABASE_URL: withDatabase(scene.url, name) })).toBe(name);
    const foreign = await createShop(server);
    onTestFinished(() => foreign.drop());
    expect(await status([], { DATABASE_URL: foreign.url })).toBe(foreign.name);
    await scene.switchTo(null);
    expect(await status()).toBe(scene.database);
  });

  it('knows the target behind the branch that the environment names', async () => {
    const scene = await makeScene(server);
    await scene.switchTo(scene.branch);
    const url = withDatabase(scene.url, scene.branch.record.database);
    const env = { ...scene.env, DATABASE_URL: url };
    const found = await resolveTarget({ cwd: scene.folder, env, follow: 'root' });
    expect(found.settings.database).toBe(scene.database);
    const root = await openRoot({ cwd: scene.folder, env, follow: 'root' });
    onTestFinished(() => root.close());
    expect(root.database).toBe(scene.database);
  });

  it('sets a shell up, and takes the variables away again', async () => {
    const scene = await makeScene(server, { variable: 'APP_DB' });
    await scene.switchTo(scene.branch);
    const { stdout } = await scene.cli(['env', '--shell', 'bash']);
    const script = `${stdout}\nexec '${process.execPath}' -p 'JSON.stringify(process.env)'`;
    const seen = JSON.parse(execFileSync('sh', ['-c', script], { encoding: 'utf8' }));
    const { database } = scene.branch.record;
    expect(new URL(seen.APP_DB).pathname).toBe(`/${database}`);
    expect(new URL(seen.BELAY_URL).pathname).toBe(`/${scene.database}`);
    expect(seen.PGDATABASE).toBe(database);
    // In that shell, Belay still knows both.
    expect((await scene.cli(['url'], seen)).stdout.trim()).toBe(seen.APP_DB);
    expect((await scene.cli(['branch', 'list', '--json'], seen)).json.current).toBe('invoices');
    const unset = await scene.cli(['env', '--shell', 'bash', '--unset']);
    expect(unset.stdout).toContain('unset APP_DB\n');
    expect((await scene.cli(['env', '--prompt'])).stdout).toBe('invoices\n');
    expect((await scene.cli(['env', '--json'])).json).toMatchObject({
      branch: 'invoices',
      database,
    });
    await scene.switchTo(null);
    expect((await scene.cli(['env', '--json'], seen)).json).toMatchObject({ branch: null });
    expect((await scene.cli(['url', 'invoices'])).stdout.trim()).toBe(seen.APP_DB);
  });

  it('writes the URL into a file, and leaves everything else of it as it was', async () => {
    const scene = await makeScene(server, { envFile: 'real/.env.local' });
    const real = makeTempFolder();
    symlinkSync(real, join(scene.folder, 'real'));
    const file = join(real, '.env.local');
    const before = Buffer.from('# mine \xff\r\nA=1\r\nDATABASE_URL=old', 'latin1');
    writeFileSync(file, before);
    chmodSync(file, 0o640);
    await scene.switchTo(scene.branch);
    expect(readFileSync(file).subarray(0, before.length)).toEqual(before);
    expect(readFileSync(file, 'latin1')).toContain(`/${scene.branch.record.database}"\r\n`);
    expect(statSync(file).mode & 0o777).toBe(0o640);
    writeFileSync(file, `${readFileSync(file, 'latin1')}DATABASE_URL=later\r\n`, 'latin1');
    expect((await scene.switchTo(scene.branch)).join()).not.toContain('again');
    await leaveBranch({ cwd: scene.folder, env: scene.env });
    expect(readFileSync(file, 'latin1')).toBe(
      `${before.toString('latin1')}\r\nDATABASE_URL=later\r\n`,
    );
  });

  it('finds the branch in a child’s environment, in every form that names the target', async () => {
    const scene = await makeScene(server);
    const env = { ...scene.env, JDBC: `jdbc:${scene.url.replace('postgres:', 'postgresql:')}` };
    const { env: child } = await withTarget(scene.url, (target) =>
      branchEnvironment(target, scene.branch, { cwd: scene.folder, env }),
    );
    const { database } = scene.branch.record;
    expect(child.DATABASE_URL).toContain(`/${database}`);
    expect(child.JDBC).toContain(`/${database}`);
    expect(child.PGDATABASE).toBe(database);
    expect(child.BELAY_URL).toContain(`/${scene.database}`);
    const options = '-c search_path=app_x';
    const schema = { settings: { ...scene.branch.settings, database: scene.database, options } };
    const { env: inSchema } = await withTarget(scene.url, (target) =>
      branchEnvironment(target, schema, { cwd: scene.folder, env }),
    );
    expect(new URL(inSchema.DATABASE_URL ?? '').searchParams.get('options')).toBe(options);
    expect(inSchema.PGOPTIONS).toBe(options);
    expect(inSchema.BELAY_URL).not.toContain('options');
  });
});

describe('the file of the current branch', () => {
  it('warns where git would commit the password', async () => {
    const [server] = testServers() as [TestServer];
    const scene = await makeScene(server, { envFile: '.env.local' });
    const config = readFileSync(join(scene.folder, 'belay.config.json'), 'utf8');
    const project = await makeGitProject({ 'belay.config.json': config });
    const warn = () =>
      withTarget(
        scene.url,
        async (target) => switchToBranch(target, scene.branch, { cwd: project.folder }),
        project.env,
      );
    expect((await warn()).warnings.join()).toContain('.gitignore');
    project.write('.gitignore', '.env.local\n');
    expect((await warn()).warnings).toEqual([]);
    await leaveBranch({ cwd: project.folder, env: project.env });
    expect(existsSync(join(project.folder, '.env.local'))).toBe(false);
  });

  it('removes what a kill has left beside it', async () => {
    const [server] = testServers() as [TestServer];
    const scene = await makeScene(server, { envFile: '.env.local' });
    const left = join(scene.folder, '.env.local.0123456789ab.belay');
    writeFileSync(left, 'DATABASE_URL="secret"');
    const longAgo = new Date(Date.now() - 3_600_000);
    utimesSync(left, longAgo, longAgo);
    await scene.switchTo(scene.branch);
    expect(existsSync(left)).toBe(false);
    expect(existsSync(join(scene.folder, '.env.local'))).toBe(true);
  });

  it('refuses a file in which Belay’s block has lost its end', async () => {
    const [server] = testServers() as [TestServer];
    const scene = await makeScene(server, { envFile: '.env.local' });
    const text = '# belay: current branch\nA=1\n';
    writeFileSync(join(scene.folder, '.env.local'), text);
    const refused = await failure(scene.switchTo(scene.branch), 'FILE_ERROR');
    expect(refused.hint).toContain('# belay: end');
    expect(readFileSync(join(scene.folder, '.env.local'), 'utf8')).toBe(text);
    expect((await scene.cli(['env', '--prompt'])).stdout.trim()).toBe('');
  });
});
