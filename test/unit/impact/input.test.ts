import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readPlanInput } from '../../../src/features/plan/read-input.js';
import { failure } from '../../support/failure.js';
import { makeTempFolder } from '../../support/temp-folder.js';

type Files = Readonly<Record<string, string>>;

const read = (files: Files, ...names: string[]) =>
  readPlanInput(names, { cwd: makeTempFolder(files) });

const refusal = (files: Files, ...names: string[]) =>
  failure(read(files, ...names), 'BAD_MIGRATION');

describe('readPlanInput', () => {
  it('reads files in the order in which they are named', async () => {
    const files = {
      'b.sql': '\uFEFFDROP TABLE b;',
      'sub/a.sql': '-- belay:no-transaction\nSELECT 1',
    };
    const { kind, scripts, notes, unseen } = await read(files, 'b.sql', 'sub/a.sql');
    expect(kind).toBe('files');
    expect(scripts).toEqual([
      {
        ...{ file: 'b.sql', line: 1, sql: 'DROP TABLE b;' },
        inTransaction: true,
        version: null,
        name: null,
      },
      expect.objectContaining({ file: 'sub/a.sql', inTransaction: false }),
    ]);
    expect([notes, unseen]).toEqual([[], []]);
  });

  it('takes of a file with both ways the way up alone', async () => {
    const sql =
      '-- migrate:up transaction:false\nDROP TABLE a;\n-- migrate:down\nCREATE TABLE a ();';
    const { scripts } = await read({ 'x.sql': `\n${sql}` }, 'x.sql');
    expect(scripts).toMatchObject([{ line: 2, inTransaction: false }]);
    expect(scripts[0]?.sql).not.toContain('CREATE');
  });

  it('reads text and bytes of the standard input', async () => {
    for (const stdin of ['SELECT 1', Buffer.from('\uFEFFSELECT 1')]) {
      const { scripts } = await readPlanInput({ stdin }, { cwd: '.' });
      expect(scripts).toMatchObject([{ file: '<stdin>', line: 1, sql: 'SELECT 1' }]);
    }
  });

  it('reads a folder of migrations with their versions, in order', async () => {
    const files = {
      'migrations/0010_b/up.sql': 'SELECT 10',
      'migrations/0010_b/down.sql': 'SELECT -10',
      'migrations/0002_a.up.sql': 'SELECT 2',
      'migrations/README.md': '',
    };
    const { kind, scripts } = await read(files, 'migrations');
    expect(kind).toBe('folder');
    expect(scripts.map(({ version, name, file }) => [version, name, file])).toEqual([
      ['0002', 'a', 'migrations/0002_a.up.sql'],
      ['0010', 'b', 'migrations/0010_b/up.sql'],
    ]);
  });

  it('leaves out what is applied, without a look into it', async () => {
    const cwd = makeTempFolder({ 'm/1_a.sql': '\\connect other', 'm/2_b.sql': 'SELECT 2' });
    const appliedVersions = async () => new Set(['1']);
    const { scripts, notes } = await readPlanInput(['m'], { cwd, appliedVersions });
    expect(scripts).toMatchObject([{ version: '2', sql: 'SELECT 2' }]);
    expect(notes).toEqual(['1 of 2 migrations are applied, and were left out']);
  });

  it.each([
    [
      'prisma',
      { 'm/20260101000000_a/migration.sql': 'SELECT 1', 'm/migration_lock.toml': '' },
      '20260101000000',
    ],
    ['flyway', { 'm/V1_1__a.sql': 'SELECT 1', 'm/U1_1__a.sql': 'SELECT 0' }, '1.1'],
  ])('reads a folder of %s', async (_tool, files, version) => {
    const { scripts } = await read(files as Files, 'm');
    expect(scripts).toMatchObject([{ version, sql: 'SELECT 1' }]);
  });

  it('reads a folder of files without versions by their names', async () => {
    const { kind, scripts } = await read(
      { 's/b.sql': 'SELECT 2', 's/a.sql': 'SELECT 1', 's/.x.sql': '' },
      's',
    );
    expect(kind).toBe('files');
    expect(scripts.map(({ file }) => file)).toEqual(['s/a.sql', 's/b.sql']);
  });

  it('knows two schemas from a file whose name has a colon', async () => {
    const sides = async (name: string, files: Files = {}) => (await read(files, name)).sides;
    expect(await sides('old.sql:new.sql')).toEqual({ old: 'old.sql', new: 'new.sql' });
    expect(await sides('live:C:/x/new.sql')).toEqual({ old: 'live', new: 'C:/x/new.sql' });
    const url = 'postgres://u@h:5432/db';
    expect(await sides(`${url}:new.sql`)).toEqual({ old: url, new: 'new.sql' });
    const odd = { 'a.sql:b.sql': 'SELECT 1' };
    expect((await read(odd, 'a.sql:b.sql')).scripts).toMatchObject([{ file: 'a.sql:b.sql' }]);
  });

  it.each([[[]], [['a.sql:b.sql', 'c.sql']], [['m', 'c.sql']]])('refuses %j', async (names) => {
    await failure(read({ 'c.sql': '', 'm/1.sql': '' }, ...names), 'USAGE');
  });

  it.each(['nothing.sql', 'no/where', 'empty'])('says that there is no SQL: %s', async (name) => {
    const { message } = await failure(
      read({ 'empty/readme.md': '' }, name),
      'MIGRATIONS_NOT_FOUND',
    );
    expect(message).toContain(name);
  });

  it.each([
    [Buffer.from('SELECT 1;\nSELECT \0;'), /^x\.sql has a zero byte at byte 17, line 2$/],
    [Buffer.from('53454c4543542027c3a9e9273b', 'hex'), /^x\.sql is not UTF-8 at byte 10, line 1$/],
    [Buffer.from('\uFEFFSELECT 1', 'utf16le'), /^x\.sql is UTF-16/],
    [Buffer.from('PGDMP\x01\x0e'), /^x\.sql is an archive of pg_dump/],
  ])('refuses what is no text: %#', async (bytes, message) => {
    const cwd = makeTempFolder();
    writeFileSync(join(cwd, 'x.sql'), bytes);
    const error = await failure(readPlanInput(['x.sql'], { cwd }), 'BAD_MIGRATION');
    expect(error.message).toMatch(message);
    expect(error.details.offset).toEqual(expect.any(Number));
  });
});

describe('a file for psql', () => {
  it('has the files that it reads in between, each under its own name', async () => {
    const files = {
      'db/all.sql': '\\set t users\nSELECT 1;\n\\ir parts/a.sql\n\\i db/b.sql\nSELECT 4;',
      'db/parts/a.sql': 'SELECT 2 FROM :t;\n\\ir ../c.sql\n',
      'db/b.sql': 'COPY t FROM stdin;\n1\n2\n\\.\n',
      'db/c.sql': 'SELECT 3;\n\\! ls',
    };
    const { scripts, unseen, copies } = await read(files, 'db/all.sql');
    const statements = scripts
      .filter(({ sql }) => sql.trim() !== '')
      .map(({ file, line, sql }) => [file, line, sql.trim()]);
    expect(statements).toEqual([
      ['db/all.sql', 1, 'SELECT 1;'],
      ['db/parts/a.sql', 1, 'SELECT 2 FROM users;'],
      ['db/c.sql', 1, 'SELECT 3;'],
      ['db/b.sql', 1, 'COPY t FROM stdin;'],
      ['db/all.sql', 4, 'SELECT 4;'],
    ]);
    expect(unseen).toEqual([{ file: 'db/c.sql', line: 2, text: '\\! ls was not looked at' }]);
    expect(copies).toEqual([{ file: 'db/b.sql', line: 1, rows: 2 }]);
  });

  it('reads nothing outside of the project', async () => {
    const outer = makeTempFolder({
      'secret.sql': 'SELECT 1;',
      'project/a.sql': '\\i ../secret.sql\n',
    });
    const input = await readPlanInput(['a.sql'], { cwd: join(outer, 'project') });
    expect(input.scripts.map(({ sql }) => sql.trim()).join('')).toBe('');
    expect(input.unseen).toMatchObject([
      { file: 'a.sql', line: 1, text: expect.stringContaining('outside of the project') },
    ]);
  });

  it('may lie elsewhere, with what it reads beside it', async () => {
    const elsewhere = makeTempFolder({ 'a.sql': '\\ir b.sql\n', 'b.sql': 'SELECT 2;' });
    const cwd = makeTempFolder();
    mkdirSync(join(cwd, 'x'));
    const { scripts, unseen } = await readPlanInput([join(elsewhere, 'a.sql')], { cwd });
    expect(scripts.some(({ sql }) => sql === 'SELECT 2;')).toBe(true);
    expect(unseen).toEqual([]);
  });

  it.each([
    [
      { 'a.sql': 'SELECT 1;\n\\c other' },
      /^a\.sql, line 2: "\\c other" leads to another database$/,
    ],
    [{ 'a.sql': '\n\\ir b.sql' }, /^a\.sql, line 2: \\ir b\.sql: there is no such file$/],
    [{ 'a.sql': '\\ir b.sql', 'b.sql': '\n\\ir a.sql' }, /^b\.sql, line 2: .*includes itself$/],
  ])('is refused where it cannot be followed: %j', async (files, message) => {
    expect((await refusal(files as unknown as Files, 'a.sql')).message).toMatch(message);
  });
});
