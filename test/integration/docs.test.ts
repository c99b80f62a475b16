import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { block, read, runExample, toArguments } from '../support/documented.js';
import {
  createTestDatabase,
  runBelay,
  type TestDatabase,
  testServers,
} from '../support/servers.js';

const [server] = testServers();

describe.skipIf(!server)('examples of the documentation', () => {
  let database: TestDatabase | undefined;
  const createShop = async () => {
    if (!server) throw new Error('no server');
    database = await createTestDatabase(server, {
      name: 'shop',
      sql: 'CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1), (2);',
    });
    return { DATABASE_URL: database.url };
  };
  afterEach(async () => {
    await database?.drop();
    database = undefined;
  });

  it('the story of the README works as it is written', async () => {
    const env = await createShop();
    const lines = (await block('README.md', 'story')).trim().split('\n');
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines) {
      const run = await runBelay(toArguments(line), { env });
      expect(run, line).toMatchObject({ exitCode: 0 });
    }
  });

  it('the gate of the README works as it is written', async () => {
    const store = await mkdtemp(join(tmpdir(), 'belay-docs-'));
    try {
      const env = { ...(await createShop()), BELAY_STORE: store };
      const text = (await block('README.md', 'gate')).replace('npm run migrate', 'node --version');
      const lines = text.trim().split('\n');
      expect(lines.length).toBeGreaterThan(2);
      for (const line of lines) {
        const run = await runBelay(toArguments(line), { env });
        expect(run, line).toMatchObject({ exitCode: 0 });
      }
    } finally {
      await rm(store, { recursive: true, force: true });
    }
  });

  /** A project with two migrations, for pages that speak of versions 0001 and 0002. */
  const makeProject = async () => {
    const folder = await mkdtemp(join(tmpdir(), 'belay-docs-'));
    const files = {
      '0001_orders/up.sql': 'CREATE TABLE invoices (id int PRIMARY KEY);',
      '0002_total/up.sql': 'ALTER TABLE invoices ADD total numeric;',
      '0002_total/down.sql': 'ALTER TABLE invoices DROP total;',
    };
    for (const [name, text] of Object.entries(files)) {
      const file = join(folder, 'migrations', name);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    }
    return folder;
  };

  it.each([
    ['README.md', ['rollback']],
    ['docs/schema.md', ['migrate', 'rollback']],
  ] as const)('the commands about versions in %s work as they are written', async (file, names) => {
    const folder = await makeProject();
    try {
      // Down scripts are tried there, not on a private server for each line.
      const scratch = { BELAY_DRILL_SERVER: server?.adminUrl };
      const env = { ...(await createShop()), BELAY_STORE: join(folder, 'store'), ...scratch };
      for (const name of names) {
        const lines = (await block(file, name)).trim().split('\n');
        expect(lines.length).toBeGreaterThan(3);
        for (const line of lines) {
          const run = await runBelay(toArguments(line), { env, cwd: folder });
          expect(run, `${line}\n${run.stderr}`).toMatchObject({ exitCode: 0 });
        }
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  /** A database with something to lose, and a migration that loses it. */
  const makeLossyProject = async () => {
    const folder = await makeProject();
    const up = 'ALTER TABLE users DROP COLUMN email;\nDROP TABLE sessions;\n';
    await mkdir(join(folder, 'migrations/0003_drop_legacy'), { recursive: true });
    await writeFile(join(folder, 'migrations/0003_drop_legacy/up.sql'), up);
    if (!server) throw new Error('no server');
    const sql = `
      CREATE TABLE users (id int PRIMARY KEY, email text);
      INSERT INTO users SELECT i, CASE WHEN i <= 1234 THEN i || '@example.org' END FROM generate_series(1, 2000) i;
      CREATE TABLE sessions (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users);
      INSERT INTO sessions SELECT i, i % 2000 + 1 FROM generate_series(1, 5678) i;`;
    database = await createTestDatabase(server, { name: 'shop', sql });
    const place = { BELAY_STORE: join(folder, 'store'), BELAY_DRILL_SERVER: server.adminUrl };
    return { folder, env: { DATABASE_URL: database.url, ...place } };
  };

  it.each([
    ['README.md', ['safety']],
    ['docs/safety.md', ['plan', 'backup', 'data-rollback']],
  ] as const)(
    'the commands about what a migration loses in %s work as they are written',
    async (file, names) => {
      const { folder, env } = await makeLossyProject();
      try {
        for (const name of names) {
          const lines = (await block(file, name)).trim().split('\n');
          expect(lines.length).toBeGreaterThan(1);
          for (const line of lines) {
            const run = await runBelay(toArguments(line), { env, cwd: folder });
            expect(run, `${line}\n${run.stderr}`).toMatchObject({ exitCode: 0 });
          }
        }
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    },
  );

  it('shows a migration’s impact as docs/safety.md has it', async () => {
    const { folder, env } = await makeLossyProject();
    try {
      const file = 'migrations/0003_drop_legacy/up.sql';
      const run = await runBelay(['plan', file], { env, cwd: folder });
      const [losses = ''] = run.stdout.split('\n\n');
      const [, ...lines] = losses.split('\n');
      const page = await read('docs/safety.md');
      expect(lines).toHaveLength(3);
      for (const line of lines) expect(page).toContain(`${line}\n`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('the library example about what a migration loses works as it is written', async () => {
    const { folder, env } = await makeLossyProject();
    try {
      const run = await runExample('docs/safety.md', 'safety-library', { folder, env });
      expect(run).toMatchObject({ exitCode: 0, stderr: '' });
      expect(run.stdout).toBe('1234 DATA_LOSS\n0003 5678 1234\n');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('the library example about schemas works as it is written', async () => {
    const folder = await makeProject();
    try {
      const env = { ...(await createShop()), BELAY_STORE: join(folder, 'store') };
      await runBelay(['migrate', 'up'], { env, cwd: folder });
      const run = await runExample('docs/schema.md', 'schema-library', { folder, env });
      expect(run).toMatchObject({ exitCode: 0, stderr: '' });
      expect(run.stdout).toBe('0002 64 2 1 DATA_LOSS\n');
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it('the library example of the README works as it is written', async () => {
    const env = await createShop();
    const folder = await mkdtemp(join(tmpdir(), 'belay-docs-'));
    try {
      const run = await runExample('README.md', 'library', { folder, env });
      expect(run).toMatchObject({ exitCode: 0, stderr: '' });
      expect(run.stdout).toMatch(
        /^2\nback after \d+ ms; the failed state is kept as before-restore-/,
      );
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe('docs/commands.md', () => {
  it('names only commands and options that exist', async () => {
    const headings = (await read('docs/commands.md')).match(/^## `belay .*$/gm) ?? [];
    const commands = headings.flatMap((heading) => heading.match(/`belay [^`]*`/g) ?? []);
    expect(commands.length).toBeGreaterThan(12);
    for (const command of commands) {
      const words = command.slice(1, -1).split(/\s+/).slice(1);
      const names = words.filter((word, index) => /^[a-z]+$/.test(word) && index < 2);
      const { exitCode, stdout } = await runBelay([...names, '--help']);
      expect(exitCode, command).toBe(0);
      for (const option of command.match(/--?[a-z][a-z-]*/g) ?? []) {
        expect(stdout, `${command}: ${option}`).toContain(option);
      }
    }
  });

  it('documents every command', async () => {
    const { stdout } = await runBelay(['--help']);
    const listed = [...stdout.matchAll(/^ {2}([a-z]+)(?:\||\s)/gm)].map(([, name]) => name ?? '');
    expect(listed).toContain('snapshot');
    const text = await read('docs/commands.md');
    for (const name of listed.filter((one) => one !== 'help')) {
      expect(text, name).toContain(`\`belay ${name}`);
    }
  });
});
