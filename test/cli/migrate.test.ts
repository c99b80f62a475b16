import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { callCli } from '../support/call-cli.js';
import { createTestDatabase, type TestDatabase, testServers } from '../support/servers.js';
import { makeTempFolder } from '../support/temp-folder.js';

const items = {
  'migrations/1_items/up.sql': 'CREATE TABLE items (id int);',
  'migrations/1_items/down.sql': 'DROP TABLE items;',
  'migrations/2_name/up.sql': 'ALTER TABLE items ADD name text;',
};

/** The command line in a folder with files, against a database. */
function belayIn(folder: string, url: string) {
  const env = { DATABASE_URL: url, BELAY_STORE: join(folder, '.store') };
  return (...args: string[]) => callCli(['migrate', ...args], { cwd: folder, env });
}

const nowhere = 'postgres://nobody@127.0.0.1:1/nothing';

// Both servers are tried below the command line.
describe.each(testServers().slice(-1))('belay migrate on $name', (server) => {
  let db: TestDatabase;
  beforeEach(async () => {
    db = await createTestDatabase(server, { name: 'cli_migrate' });
  });
  afterEach(() => db.drop());

  it('has one JSON document for each, and an exit code', async () => {
    const belay = belayIn(makeTempFolder(items), db.url);
    const before = await belay('status', '--json');
    expect(before.json).toEqual({
      applied: [],
      pending: [
        { version: '1', name: 'items', file: 'migrations/1_items/up.sql' },
        { version: '2', name: 'name', file: 'migrations/2_name/up.sql' },
      ],
      current: '0',
      ...{ tool: 'belay', upCommand: 'belay migrate up', unfinished: [] },
    });
    expect((await belay('up', '--dry-run')).stdout).toMatch(
      /^would apply 2 migrations .*\n {2}1_items/,
    );
    const up = await belay('up', '--to', '1', '--json');
    expect(up).toMatchObject({
      exitCode: 0,
      json: {
        ...{ ok: true, current: '1', durationMs: expect.any(Number) },
        applied: [
          {
            ...{ version: '1', name: 'items', durationMs: expect.any(Number) },
            checksum: expect.stringMatching(/^[0-9a-f]{64}$/),
          },
        ],
        pending: [{ version: '2' }],
      },
    });
    expect((await belay('status', '--json')).json.applied).toEqual([
      {
        ...{ version: '1', name: 'items', changed: false, missingFile: false },
        ...{ appliedAt: expect.any(String), checksum: expect.stringMatching(/^[0-9a-f]{64}$/) },
      },
    ]);
    expect(await belay('down', '--json')).toMatchObject({
      ...{ exitCode: 3, json: { error: { code: 'NOT_CONFIRMED' } } },
    });
    const down = await belay('down', '--yes', '--json');
    expect(down).toMatchObject({
      ...{ exitCode: 0, json: { ok: true, rolledBack: ['1'], current: '0' } },
    });
  });

  it('says for people what was done, and where it stands', async () => {
    const belay = belayIn(makeTempFolder(items), db.url);
    expect((await belay('up')).stdout).toMatch(/✔ 1_items .*\n✔ 2_name .*\nat 2, in /);
    expect((await belay('up')).stdout).toBe('nothing to apply: the database is at 2\n');
    expect((await belay('status')).stdout).toMatch(
      /1_items +applied .*\n2_name +applied .*\nat 2, nothing pending\n$/,
    );
    const { exitCode, stderr } = await belay('down', '--yes');
    expect([exitCode, stderr]).toEqual([
      3,
      expect.stringContaining('nobody wrote a way down for 2_name'),
    ]);
  });

  it('names file, line and statement of what failed', async () => {
    const folder = makeTempFolder({ ...items, 'migrations/3_bad/up.sql': '\nDROP TABLE nowhere;' });
    const { exitCode, stderr } = await belayIn(folder, db.url)('up');
    expect(exitCode).toBe(6);
    expect(stderr).toContain('migrations/3_bad/up.sql, line 2: table "nowhere" does not exist');
    expect(stderr).toContain('in: DROP TABLE nowhere');
    expect(stderr).toContain('Done before it, and staying so: 1, 2.');
  });
});

describe('belay migrate without a server', () => {
  it.each([
    [['new'], 2, /missing required argument/],
    [['new', '...'], 2, /cannot be the name/],
    [['up', '--to', ''], 2, /--to needs a version/],
    [['up', '--lock-timeout', 'soon'], 2, /soon/],
    [['up', '--nonsense'], 2, /unknown option/],
    [['up', 'extra'], 2, /too many arguments/],
  ])('%j: exit %i', async (args, exitCode, message) => {
    const result = await belayIn(makeTempFolder(items), nowhere)(...args);
    expect(result).toMatchObject({ exitCode, stderr: expect.stringMatching(message) });
  });

  it('makes files without a database', async () => {
    const folder = makeTempFolder(items);
    const made = await belayIn(folder, nowhere)('new', 'add prices', '--json');
    expect(made).toMatchObject({ exitCode: 0, json: { version: '3', name: 'add_prices' } });
    const file = join(folder, 'db/9_other/up.sql');
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, 'SELECT 1');
    const other = await belayIn(folder, nowhere)('new', 'x', '--dir', 'db', '--json');
    expect(other.json.files).toEqual(['db/10_x/up.sql', 'db/10_x/down.sql']);
  });
});
