import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  describeInput,
  type RehearsalInputOptions,
  readRehearsalInput,
} from '../../../src/features/rehearsal/read-files.js';
import { runFiles } from '../../../src/features/rehearsal/run-files.js';
import { migrateUp } from '../../../src/index.js';
import { failure } from '../../support/failure.js';
import { openSession } from '../../support/open-session.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { rowsOf } from '../../support/targets.js';
import { makeProject, type Project } from '../migration/project.js';

describe.each(testServers())('what is rehearsed on $name', (server) => {
  let db: TestDatabase;

  beforeEach(async () => {
    db = await createTestDatabase(server, {
      name: 'input',
      sql: 'CREATE TABLE items (id int PRIMARY KEY, name text); INSERT INTO items VALUES (1)',
    });
  });
  afterEach(async () => {
    await db.drop();
  });

  const read = (project: Project, input: RehearsalInputOptions['input'] = []) =>
    project.run((target) => readRehearsalInput(target, { input }));
  const runIt = async (input: Awaited<ReturnType<typeof read>>) => {
    const session = await openSession(db.url);
    const helper = await openSession(server.adminUrl);
    try {
      return await runFiles(session, input, { helper });
    } finally {
      await session.close();
      await helper.close();
    }
  };

  it('is what is pending in the project, a migration after the other', async () => {
    const project = makeProject(db.url, {
      '1_a.sql': '-- migrate:up\nCREATE TABLE a ();\n-- migrate:down\nDROP TABLE a;\n',
    });
    await project.run((target) => migrateUp(target));
    project.write(
      'migrations/2_b.sql',
      '-- migrate:up\nCREATE TABLE b ();\n-- migrate:down\nDROP TABLE b;\n',
    );
    project.write(
      'migrations/3_c.sql',
      '-- migrate:up transaction:false\nCREATE INDEX CONCURRENTLY ON items (name);\n-- migrate:down\n',
    );
    const input = await read(project);
    expect(input.kind).toBe('pending');
    expect(input.runs.map(({ script }) => [script.file, script.inTransaction])).toEqual([
      ['migrations/2_b.sql', true],
      ['migrations/3_c.sql', false],
    ]);
    expect(await runIt(input)).toMatchObject({ exitCode: 0, notes: [] });
    const folder = await read(project, ['migrations']);
    expect(folder.runs).toHaveLength(2);
    expect(folder.notes.join()).toContain('1 of 3 migrations are applied');
  });

  it('says where nothing is pending', async () => {
    const input = await read(makeProject(db.url));
    expect(input).toMatchObject({ runs: [], notes: ['no migration is pending'] });
    expect(await runIt(input)).toMatchObject({ exitCode: 0, statements: [] });
  });

  it('is the way from one schema to another', async () => {
    const project = makeProject(db.url, {});
    project.write('new.sql', 'CREATE TABLE items (id int PRIMARY KEY, name text, price int);');
    const input = await read(project, ['live:new.sql']);
    expect(input.kind).toBe('declarative');
    expect(await runIt(input)).toMatchObject({ exitCode: 0 });
    expect(await rowsOf(db.url, 'SELECT price FROM items')).toEqual([{ price: null }]);
  });

  it('is the standard input', async () => {
    const project = makeProject(db.url);
    const input = await read(project, { stdin: 'DELETE FROM items;\nSELECT 1 / 0' });
    expect(await runIt(input)).toMatchObject({ errors: [{ line: 2, file: '<stdin>' }] });
    expect(await rowsOf(db.url, 'SELECT id FROM items')).toEqual([{ id: 1 }]);
  });

  it('is no file that is not there', async () => {
    await failure(read(makeProject(db.url), ['nowhere.sql']), 'MIGRATIONS_NOT_FOUND');
  });
});

describe('what is rehearsed', () => {
  it('has a name for people', () => {
    expect(describeInput([])).toBe('pending migrations');
    expect(describeInput(['a.sql', 'b.sql'])).toBe('a.sql, b.sql');
    expect(describeInput({ stdin: 'SELECT 1' })).toBe('standard input');
  });
});
