import { describe, expect, it } from 'vitest';
import { isBlankSql, skipBlank } from '../../src/domain/blank-sql.js';
import {
  migrationNames,
  readMigrationTexts,
  requireStatements,
} from '../../src/domain/migration-files.js';
import { BelayError } from '../../src/errors.js';

/** The migrations of a folder, by path and text. */
const read = (files: Record<string, string>) =>
  readMigrationTexts(
    Object.entries(files).map(([path, text]) => ({ path, file: `migrations/${path}`, text })),
  );

function refusal(files: Record<string, string>): BelayError {
  try {
    read(files);
  } catch (error) {
    expect(error).toBeInstanceOf(BelayError);
    return error as BelayError;
  }
  throw new Error('it was read');
}

describe('readMigrationTexts', () => {
  it('knows all ways to name and to divide files, and sorts by version', () => {
    const files = read({
      '10_last/up.sql': 'SELECT 10',
      '10_last/down.sql': 'SELECT -10',
      '10_last/notes.md': 'not for the database',
      '2_pair.up.sql': 'SELECT 2',
      '2_pair.down.sql': 'SELECT -2',
      '9-both.sql': '-- why\n-- migrate:up\nSELECT 9;\n-- migrate:down\nSELECT -9;\n',
      '1.sql': 'SELECT 1',
      'README.md': '',
      '.hidden.sql': 'SELECT 0',
      'seeds/items.sql': 'SELECT 0',
    });
    expect(files.map(({ version, name }) => [version, name])).toEqual([
      ['1', ''],
      ['2', 'pair'],
      ['9', 'both'],
      ['10', 'last'],
    ]);
    expect(files.map(({ up, down }) => [up?.sql, down?.sql])).toEqual([
      ['SELECT 1', undefined],
      ['SELECT 2', 'SELECT -2'],
      ['-- migrate:up\nSELECT 9;\n', '-- migrate:down\nSELECT -9;\n'],
      ['SELECT 10', 'SELECT -10'],
    ]);
    expect(files[2]?.down).toMatchObject({ file: 'migrations/9-both.sql', line: 4 });
  });

  it.each([
    ['-- belay:no-transaction\nVACUUM t', false],
    ['-- first words\n\n  -- belay:no-transaction\nVACUUM t', false],
    ['/* a /* nested */ one */ -- belay:no-transaction\nVACUUM t', true],
    ['SELECT 1;\n-- belay:no-transaction\n', true],
    ['-- not belay:no-transaction\nSELECT 1', true],
    ['-- migrate:up transaction:false\nVACUUM t', false],
    ['-- migrate:up transaction:true\nVACUUM t', true],
  ])('%j is one transaction: %s', (text, inTransaction) => {
    expect(read({ '1_a.sql': text })[0]?.up?.inTransaction).toBe(inTransaction);
  });

  it('takes the options of each way by themselves', () => {
    const text = '-- migrate:up transaction:false\nVACUUM t;\n-- migrate:down\nSELECT 1;\n';
    const [file] = read({ '1_a.sql': text });
    expect([file?.up?.inTransaction, file?.down?.inTransaction]).toEqual([false, true]);
  });

  it('takes a way down without a statement for none', () => {
    const [file] = read({
      '1_a/up.sql': 'SELECT 1',
      '1_a/down.sql': '-- nothing\n/* at all */\n;',
    });
    expect(file?.down).toBeNull();
  });

  it.each([
    ['an empty file', { '1_a.sql': ' \n' }, /1_a\.sql has no statement/],
    ['comments alone', { '1_a/up.sql': '-- later\n' }, /up\.sql has no statement/],
    ['an empty way up', { '1_a.sql': '-- migrate:up\n-- migrate:down\nSELECT 1' }, /no statement/],
  ])('can be pending with %s, and not be applied', (_name, files, message) => {
    const found = read(files);
    expect(found).toHaveLength(1);
    expect(() => requireStatements(found)).toThrow(message);
  });

  it('has the same checksum whatever the line ends and the way down', () => {
    const checksum = (files: Record<string, string>) => read(files)[0]?.checksum;
    const one = checksum({ '1_a/up.sql': 'SELECT\n1' });
    expect(checksum({ '1_a/up.sql': 'SELECT\r\n1', '1_a/down.sql': 'SELECT 2' })).toBe(one);
    expect(checksum({ '1_a/up.sql': 'SELECT 1' })).not.toBe(one);
  });

  it.each([
    ['a number that two have', { '1_a.sql': 'SELECT 1', '1_b/up.sql': 'SELECT 1' }, /version 1/],
    ['the same number with zeros', { '1_a.sql': 'SELECT 1', '01_b.sql': 'SELECT 1' }, /version/],
    ['one name twice', { '1_a.sql': 'SELECT 1', '1_a.up.sql': 'SELECT 1' }, /says the same/],
    ['no way up', { '1_a/down.sql': 'SELECT 1' }, /no way up/],
    ['a way down alone', { '1_a.sql': '-- migrate:down\nSELECT 1' }, /no `-- migrate:up`/],
    ['SQL before the marker', { '1_a.sql': 'SELECT 1;\n-- migrate:up\nSELECT 2' }, /before its/],
    ['no number', { 'items.sql': 'SELECT 1' }, /has no version/],
    ['the version before the first', { '000_a.sql': 'SELECT 1' }, /before the first/],
    ['another file beside it', { '1_a/migration.sql': 'SELECT 1' }, /neither up\.sql/],
  ])('refuses %s, and names the file', (_, files, message) => {
    const error = refusal(files);
    expect(error).toMatchObject({ code: 'BAD_MIGRATION', details: { file: expect.any(String) } });
    expect(error.message).toMatch(message);
  });
});

describe('migrationNames', () => {
  it('goes by the names alone', () => {
    const paths = ['1_a/up.sql', '2_b.up.sql', '3_c.sql', 'README.md', 'seeds/4_d.sql'];
    expect(migrationNames(paths)).toEqual([
      { version: '1', name: 'a' },
      { version: '2', name: 'b' },
      { version: '3', name: 'c' },
    ]);
  });
});

describe('isBlankSql', () => {
  it.each([
    ['', true],
    [' ;\n;', true],
    ['-- a', true],
    ['/* a /* b */ c', true],
    ['/* a /* b */ */ x', false],
    ['-- a\nx', false],
    ['- a', false],
  ])('%j: %s', (sql, expected) => {
    expect(isBlankSql(sql)).toBe(expected);
  });

  it('stops at the first word', () => {
    expect(skipBlank('-- a\n/* b */ SELECT')).toBe(13);
  });
});
