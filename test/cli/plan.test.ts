import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callCli } from '../support/call-cli.js';
import { createTestDatabase, type TestDatabase, testServers } from '../support/servers.js';
import { makeTempFolder } from '../support/temp-folder.js';

const files = {
  'drop.sql': 'ALTER TABLE users DROP COLUMN email;\n',
  'waived.sql':
    '-- belay:allow drop-column, data-loss: moved to profiles\nALTER TABLE users DROP COLUMN email;\n',
  'safe.sql': 'ALTER TABLE users ADD COLUMN age int;\n',
  'old.sql': 'CREATE TABLE users (id int PRIMARY KEY, email text);',
  'new.sql': 'CREATE TABLE users (id int PRIMARY KEY);',
  'broken.sql': "SELECT 1;\n-- Zürich 🙂\nSELECT '🙂', frm users wher;\n",
  'migrations/1_drop/up.sql': 'DROP TABLE users;',
};

// What is counted is tested below the command line, on all servers.
describe.each(testServers().slice(-1))('belay plan on $name', (server) => {
  let db: TestDatabase;
  beforeAll(async () => {
    const sql = `CREATE TABLE users (id int PRIMARY KEY, email text);
                 INSERT INTO users SELECT i, nullif(i % 3, 0)::text FROM generate_series(1, 30) i;`;
    db = await createTestDatabase(server, { name: 'cli_plan', sql });
  });
  afterAll(() => db.drop());

  const plan = (...args: string[]) =>
    callCli(['plan', ...args], {
      ...{
        cwd: makeTempFolder(files),
        env: { DATABASE_URL: db.url, BELAY_DRILL_SERVER: server.adminUrl },
      },
    });

  it('has the fields that scripts rely on', async () => {
    const { json, exitCode } = await plan('drop.sql', '--json');
    expect(exitCode).toBe(0);
    expect(json).toMatchObject({
      statements: [
        {
          ...{ index: 1, line: 1, sql: 'ALTER TABLE users DROP COLUMN email' },
          impacts: [
            {
              ...{ operation: 'DROP COLUMN', object: 'public.users.email', safety: 'DATA_LOSS' },
              ...{ rowsAffected: 0, valuesAtRisk: 20, lock: 'ACCESS EXCLUSIVE', rewrite: false },
              reason: expect.any(String),
            },
          ],
        },
      ],
      ...{ totals: { recordsAtRisk: 20, statements: 1 }, safety: 'DATA_LOSS' },
    });
  });

  it.each([
    [['drop.sql'], 0],
    [['drop.sql', '--check'], 3],
    [['waived.sql', '--check'], 0],
    [['safe.sql', '--check'], 0],
    [['nothing.sql'], 4],
    [['broken.sql'], 2],
    [['drop.sql', '--format', 'sarif', '--json'], 2],
  ] as const)('%j ends with %i', async (args, exitCode) => {
    expect(await plan(...args)).toMatchObject({ exitCode });
  });

  it('names the place of a mistake in characters, and points at it', async () => {
    const { stderr } = await plan('broken.sql');
    expect(stderr).toContain('broken.sql, line 3, column 23: syntax error at or near "wher"');
  });

  it('takes what is pending where nothing is named', async () => {
    const { json } = await plan('--json');
    expect(json.totals).toMatchObject({ recordsAtRisk: 30 });
    expect(json.statements[0]).toMatchObject({ file: 'migrations/1_drop/up.sql' });
  });

  it('finds the SQL between two schemas, and counts on the live one', async () => {
    const { json } = await plan('old.sql:new.sql', '--json');
    expect(json).toMatchObject({ totals: { recordsAtRisk: 20 }, safety: 'DATA_LOSS' });
  });

  it('writes SARIF and Markdown', async () => {
    const sarif = JSON.parse((await plan('drop.sql', '--format', 'sarif', '--check')).stdout);
    expect(sarif).toMatchObject({
      version: '2.1.0',
      runs: [{ results: [{ ruleId: 'drop-column', level: 'error' }] }],
    });
    const markdown = await plan('drop.sql', '--format', 'markdown');
    expect(markdown.stdout).toMatch(/\| DROP COLUMN \| <code>public\.users\.email<\/code> \| 20 /);
  });
});
