import { afterEach, describe, expect, it } from 'vitest';
import { makeMigrationProject } from '../../support/migration-project.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';

const shop = `
  CREATE TABLE users (id int PRIMARY KEY, email text, name text);
  INSERT INTO users SELECT i, CASE WHEN i % 5 > 0 THEN 'e' || i END, 'n' FROM generate_series(1, 50) i;
  CREATE TABLE sessions (id int PRIMARY KEY, user_id int REFERENCES users);
  INSERT INTO sessions SELECT i, i FROM generate_series(1, 20) i;
  ANALYZE;`;

interface FoundImpact {
  readonly operation: string;
  readonly object: string;
  readonly recordsAtRisk: number | null;
}

interface FoundPlan {
  readonly statements: readonly { line: number; file: string; impacts: readonly FoundImpact[] }[];
}

/** `file:line operation object records` of each impact. */
const told = ({ statements }: FoundPlan) =>
  statements.flatMap(({ file, line, impacts }) =>
    impacts.map(
      ({ operation, object, recordsAtRisk }) =>
        `${file}:${line} ${operation} ${object} ${recordsAtRisk}`,
    ),
  );

describe.each(testServers())('$name: what belay plan is given', (server) => {
  const databases: TestDatabase[] = [];
  const project = async (migrations: Parameters<typeof makeMigrationProject>[1] = {}) => {
    const database = await createTestDatabase(server, { name: 'plan_input', sql: shop });
    databases.push(database);
    return makeMigrationProject(database.url, migrations);
  };
  afterEach(async () => {
    for (const database of databases.splice(0)) await database.drop();
  });

  it('a file for psql, with another one and with data', async () => {
    const { belay, write } = await project();
    write('drop.sql', 'DROP TABLE sessions;\n');
    write(
      'all.sql',
      `\\set col email
\\echo '; DROP TABLE users;'
COPY users (id, name) FROM stdin;
101\tDROP TABLE users;
102\t'
\\.
ALTER TABLE users DROP COLUMN :"col";
\\ir drop.sql
SELECT 'DROP TABLE users' \\gexec
`,
    );
    const plan = await belay(['plan', 'all.sql']);
    expect(told(plan)).toEqual([
      'all.sql:3 COPY public.users 0',
      'all.sql:7 DROP COLUMN public.users.email 40',
      'drop.sql:1 DROP TABLE public.sessions 20',
      expect.stringMatching(/^all\.sql:9 SELECT /),
      expect.stringMatching(/^all\.sql:9 NOT LOOKED AT .* null$/),
    ]);
    expect(plan.safety).toBe('UNSAFE');
    expect(plan.notes).toContain('all.sql, line 3: COPY adds 2 rows');
    const checked = await belay(['plan', '--check', 'all.sql'], 3);
    expect(checked.policy.violations).toMatchObject([
      { because: 'data-loss', line: 7 },
      { because: 'data-loss', line: 1, file: 'drop.sql' },
      { because: 'unknown', line: 9 },
    ]);
  });

  it('a syntax error with line and column', async () => {
    const { belay, write } = await project();
    write('bad.sql', `SELECT 1;\n  SELECT '\u{1f600}é' 'x' FROM users;`);
    const { error } = await belay(['plan', 'bad.sql'], 2);
    expect(error).toMatchObject({
      ...{ code: 'BAD_MIGRATION', details: { file: 'bad.sql', line: 2, column: 15 } },
      hint: expect.stringContaining(`  SELECT '\u{1f600}é' 'x' FROM users;\n               ^`),
    });
  });

  it('a policy of the config, and what the SQL waives', async () => {
    const { belay, write, url } = await project();
    write(
      'belay.config.json',
      JSON.stringify({
        targets: { dev: { url } },
        defaultTarget: 'dev',
        migrations: {
          policy: { refuse: ['drop-table'], warn: ['drop-column'], maxRecordsAtRisk: 100 },
        },
      }),
    );
    write(
      'a.sql',
      'ALTER TABLE users DROP email;\n-- belay:allow drop-table: in the archive\nDROP TABLE sessions;',
    );
    const waived = await belay(['plan', '--check', 'a.sql']);
    expect(waived.policy).toMatchObject({
      ok: true,
      violations: [{ level: 'warn', because: 'drop-column' }],
      waived: [{ rule: 'drop-table', reason: 'in the archive' }],
    });
    write('b.sql', '-- belay:allow drop-tables: no such rule\nDROP TABLE sessions;');
    const refused = await belay(['plan', '--check', 'b.sql'], 3);
    expect(refused.notes).toContainEqual(expect.stringContaining('there is no such rule'));
  });

  it('a folder, of which only what is pending counts', async () => {
    const { belay } = await project({
      '0001_a': ['CREATE TABLE a (id int)'],
      '0002_b': ['DROP TABLE sessions'],
    });
    await belay(['migrate', 'up', '--to', '1']);
    const plan = await belay(['plan', 'migrations']);
    expect(told(plan)).toEqual(['migrations/0002_b/up.sql:1 DROP TABLE public.sessions 20']);
  });

  it('prints for pull requests and code scanning, with what the code still names', async () => {
    const { belay, text, write } = await project();
    write('drop-email.sql', '\n  ALTER TABLE users DROP email;');
    write('app.ts', "db.query('SELECT email FROM users')");
    const { codebase } = await belay(['plan', 'drop-email.sql', '--codebase', '.']);
    expect(codebase.mentions).toMatchObject([{ file: 'app.ts', line: 1, confidence: 'high' }]);
    const markdown = await text([
      'plan',
      'drop-email.sql',
      '--codebase',
      '.',
      '--format',
      'markdown',
    ]);
    expect(markdown).toContain('**40 records at risk**');
    expect(markdown).toContain('<code>app.ts:1</code>');
    const [run] = JSON.parse(await text(['plan', 'drop-email.sql', '--format', 'sarif'])).runs;
    expect(run.results).toMatchObject([{ ruleId: 'drop-column', level: 'error' }]);
    expect(run.results[0].locations[0].physicalLocation).toEqual({
      artifactLocation: { uri: 'drop-email.sql', uriBaseId: '%SRCROOT%' },
      region: { startLine: 2, startColumn: 3, endLine: 2, endColumn: 31 },
    });
  });
});
