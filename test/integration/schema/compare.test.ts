import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { makeMigrationProject } from '../../support/migration-project.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { run } from '../../support/targets.js';

const first = 'CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email text);';
const second = `ALTER TABLE users ADD age int DEFAULT 0; CREATE INDEX users_email ON users (email);
  ALTER TABLE users DROP name; CREATE VIEW ages AS SELECT age FROM users;`;

describe.each(testServers())('$name: comparing schemas', (server) => {
  const databases: TestDatabase[] = [];
  const create = async (sql?: string) => {
    const database = await createTestDatabase(server, { name: 'cmp', sql });
    databases.push(database);
    return database;
  };
  const drillServer = { BELAY_DRILL_SERVER: server.adminUrl };
  afterEach(async () => {
    for (const database of databases.splice(0)) await database.drop();
  });

  it('of versions, the live database, another one, files and snapshots', async () => {
    const { url } = await create();
    const { belay, folder, write } = makeMigrationProject(
      url,
      {
        '0001_users': [first],
        '0002_more': [second],
      },
      drillServer,
    );
    await belay(['migrate', 'up']);
    await belay(['snapshot', 'taken']);
    const between = await belay(['schema', 'diff', '1', '2']);
    expect(between.identical).toBe(false);
    const of = (name: string) => between.changes.find((one: { name: string }) => one.name === name);
    expect(of('public.users.age')).toMatchObject({
      kind: 'added',
      object: 'column',
      safety: 'SAFE',
    });
    expect(of('public.users.name')).toMatchObject({ kind: 'removed', safety: 'DATA_LOSS' });
    expect(of('public.users_email')).toMatchObject({
      kind: 'added',
      object: 'index',
      safety: 'SAFE',
    });

    for (const side of ['live', '0002_more', 'snapshot:taken', 'taken', url]) {
      expect(await belay(['schema', 'diff', '2', side]), side).toMatchObject({
        identical: true,
        changes: [],
      });
    }
    write('whole.sql', `${first}\n${second}`);
    expect(await belay(['schema', 'diff', 'whole.sql', 'live'])).toMatchObject({ identical: true });
    await belay(['schema', 'snapshot', '--output', 'model.json']);
    expect(await belay(['schema', 'diff', 'model.json', 'taken'])).toMatchObject({
      identical: true,
    });
    // What is written as SQL makes the schema again.
    await belay(['schema', 'snapshot', '--output', 'made.sql']);
    const made = await create(readFileSync(join(folder, 'made.sql'), 'utf8'));
    expect(await belay(['schema', 'diff', made.url, 'live'])).toMatchObject({ identical: true });
  });

  it('gives SQL that does what it says', async () => {
    const { url } = await create();
    const { belay } = makeMigrationProject(
      url,
      { '0001_users': [first], '0002_more': [second] },
      drillServer,
    );
    await belay(['migrate', 'up']);
    const back = await belay(['schema', 'diff', 'live', '1', '--sql', '--no-renames']);
    expect(back.unresolved).toEqual([]);
    await run(url, back.sql);
    expect(await belay(['schema', 'diff', 'live', '1'])).toMatchObject({ identical: true });
  });

  it('asks what was renamed, and keeps it', async () => {
    const { url } = await create();
    const { belay } = makeMigrationProject(url, {
      '0001_users': [first],
      '0002_rename': [
        'ALTER TABLE users RENAME email TO mail; ALTER TABLE users RENAME TO people;',
      ],
    });
    await belay(['migrate', 'up']);
    const { renameCandidates } = await belay(['schema', 'diff', '1', '2']);
    expect(renameCandidates).toMatchObject([
      { object: 'table', from: 'public.users', to: 'public.people' },
    ]);
    const undecided = await belay(['schema', 'diff', '1', '2', '--sql'], 3);
    expect(undecided.error.code).toBe('RENAME_UNDECIDED');
    const named = ['--rename', 'public.users=public.people', '--no-renames'];
    const { sql, unresolved } = await belay(['schema', 'diff', '1', '2', '--sql', ...named]);
    expect(unresolved).toEqual([]);
    expect(sql).toMatch(/ALTER TABLE .*RENAME TO/);
    expect(sql).not.toContain('DROP TABLE');
    const wrong = ['--rename', 'public.users=public.nobody'];
    expect((await belay(['schema', 'diff', '1', '2', '--sql', ...wrong], 2)).error.code).toBe(
      'USAGE',
    );
  });

  it('names the file, line and statement that it cannot build', async () => {
    const { url } = await create();
    const { belay, write } = makeMigrationProject(url, {}, drillServer);
    write('bad.sql', 'CREATE TABLE a (x int);\n\nCREATE VIEW b AS SELECT * FROM nowhere;');
    const { error } = await belay(['schema', 'diff', 'bad.sql'], 2);
    expect(error).toMatchObject({ code: 'BAD_SCHEMA_FILE' });
    expect(error.message).toMatch(/bad\.sql.*line 3.*nowhere/s);
    expect((await belay(['schema', 'diff', 'nothing.sql'], 6)).error.code).toBe('FILE_ERROR');
    expect((await belay(['schema', 'diff', '0099'], 4)).error.code).toBe('VERSION_NOT_FOUND');
  });

  it('tells drift, and what a version that was recorded since says', async () => {
    const { url } = await create();
    const { belay, text } = makeMigrationProject(url, { '0001_users': [first] }, drillServer);
    expect((await belay(['schema', 'drift'], 4)).error.code).toBe('NO_HISTORY');
    await belay(['migrate', 'up']);
    expect(await belay(['schema', 'drift'])).toMatchObject({ drifted: false, changes: [] });
    await run(url, 'ALTER TABLE users ADD by_hand int; CREATE INDEX hurry ON users (by_hand)');
    const drift = await belay(['schema', 'drift'], 7);
    expect(drift).toMatchObject({ drifted: true, recorded: { version: '0001' } });
    expect(drift.changes.map(({ name }: { name: string }) => name)).toEqual([
      'public.users.by_hand',
      'public.hurry',
    ]);
    expect(await text(['schema', 'drift'])).toContain('public.users.by_hand');
    await belay(['schema', 'snapshot']);
    expect(await belay(['schema', 'drift'])).toMatchObject({ drifted: false });
  });
});
