import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { block, runExample, toArguments } from '../../support/documented.js';
import {
  createTestDatabase,
  runBelay,
  type TestDatabase,
  testServers,
} from '../../support/servers.js';

/** Alone a server whose client programs are installed can make checkpoints. */
const [server] = testServers();

/** What `npm run migrate` stands for: a program that reads DATABASE_URL. */
const migrate = `
import pg from '${import.meta.resolve('pg')}';
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
await client.query('ALTER TABLE orders ADD COLUMN IF NOT EXISTS note text; DELETE FROM orders WHERE id = 2');
await client.end();
`;

const sql = `
  CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1), (2), (3);
  CREATE TABLE users (id int PRIMARY KEY, name text, email text);
  INSERT INTO users SELECT i, 'n' || i, CASE WHEN i <= 1234 THEN i || '@example.org' END FROM generate_series(1, 2000) i;
  CREATE TABLE sessions (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users);
  INSERT INTO sessions SELECT i, i % 2000 + 1 FROM generate_series(1, 5678) i;`;

describe.skipIf(!server)('examples of the documentation', () => {
  let database: TestDatabase | undefined;
  let folder = '';
  afterEach(async () => {
    await database?.drop();
    await rm(folder, { recursive: true, force: true });
    database = undefined;
  });

  async function makeProject(): Promise<NodeJS.ProcessEnv> {
    if (!server) throw new Error('no server');
    folder = await mkdtemp(join(tmpdir(), 'belay-docs-'));
    await mkdir(join(folder, 'migrations/0003_drop_legacy'), { recursive: true });
    await writeFile(
      join(folder, 'migrations/0003_drop_legacy/up.sql'),
      'ALTER TABLE users DROP COLUMN email;\nDROP TABLE sessions;\n',
    );
    await writeFile(
      join(folder, 'migrations/0004_split_names.sql'),
      'ALTER TABLE users ADD COLUMN nick text;\n',
    );
    await writeFile(join(folder, 'migrate.mjs'), migrate);
    database = await createTestDatabase(server, { name: 'shop', sql });
    return { DATABASE_URL: database.url, BELAY_STORE: join(folder, 'store') };
  }

  it.each([
    ['README.md', 'rehearsal'],
    ['docs/rehearsal.md', 'rehearse'],
    ['docs/shadow.md', 'shadow'],
  ])(
    'the commands of %s about %s work as they are written',
    async (file, name) => {
      const env = await makeProject();
      const lines = (await block(file, name)).replaceAll('npm run migrate', 'node migrate.mjs');
      const commands = lines.trim().split('\n');
      expect(commands.length).toBeGreaterThan(2);
      for (const line of commands) {
        const run = await runBelay(toArguments(line), { env, cwd: folder });
        expect(run, `${line}\n${run.stderr}${run.stdout}`).toMatchObject({ exitCode: 0 });
      }
    },
    180_000,
  );

  it('the library example about rehearsals works as it is written', async () => {
    const env = await makeProject();
    const run = await runExample('docs/rehearsal.md', 'rehearsal-library', { folder, env });
    expect(run).toMatchObject({ exitCode: 0, stderr: '' });
    expect(run.stdout).toBe('false 1 orders: 1 of 3 rows deleted\n');
  });
});
