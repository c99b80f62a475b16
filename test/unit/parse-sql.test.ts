import { describe, expect, it } from 'vitest';
import { checkScript } from '../../src/postgres/check-script.js';
import { shorten, splitStatements } from '../../src/postgres/parse-sql.js';
import { failure } from '../support/failure.js';

describe('splitStatements', () => {
  it('gives text, line and kind of each, also after letters of several bytes', async () => {
    const sql = `-- é
SELECT 'é;' ;
/* 日本 /* ; */ */ INSERT INTO t VALUES ('a''b;');

CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; END $$;
CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; UPDATE t SET a = 1`;
    const statements = await splitStatements(sql, { line: 10 });
    expect(statements.map(({ sql: text, line, kind }) => [line, kind, text])).toEqual([
      [11, 'SelectStmt', `SELECT 'é;'`],
      [12, 'InsertStmt', `INSERT INTO t VALUES ('a''b;')`],
      [14, 'CreateFunctionStmt', expect.stringMatching(/^CREATE FUNCTION f.*\$\$$/)],
      [15, 'CreateFunctionStmt', expect.stringMatching(/END$/)],
      [15, 'UpdateStmt', 'UPDATE t SET a = 1'],
    ]);
    expect(statements[1]?.tree).toHaveProperty('relation.relname', 't');
  });

  it.each(['', ' \n', ';;', '-- nothing', '/* nothing */'])('%j has none', async (sql) => {
    expect(await splitStatements(sql)).toEqual([]);
  });

  it('points at the character of a mistake, whatever stands before it', async () => {
    const sql = `SELECT '\u{1f600}';\nSELECT '日本', '\u{1f600}e\u0301' 'x' FROM t;`;
    const error = await failure(splitStatements(sql, { file: 'f.sql', line: 5 }), 'BAD_MIGRATION');
    expect(error.message).toContain('f.sql, line 6, column 20: syntax error at or near "\'x\'"');
    expect(error.details).toEqual({ file: 'f.sql', line: 6, column: 20 });
    const [text, caret] = error.hint?.split('\n') ?? [];
    expect(text).toBe(sql.split('\n')[1]);
    // Two cells of a terminal for each of 日本 and the emoji, none for the accent.
    expect(caret).toBe(`${' '.repeat(21)}^`);
  });

  it('shows what is around a mistake in a long line', async () => {
    const sql = `SELECT ${"'x', ".repeat(100)} 'a' 'b' ${', 1'.repeat(100)}`;
    const error = await failure(splitStatements(sql), 'BAD_MIGRATION');
    const [text = '', caret = ''] = error.hint?.split('\n') ?? [];
    expect(text.length).toBeLessThan(100);
    expect(text.slice(caret.length - 1)).toMatch(/^'b' , 1/);
    expect(error.details).toMatchObject({ line: 1, column: sql.indexOf("'b'") + 1 });
  });

  it('shows no password of a line that it points into', async () => {
    const sql = "CREATE ROLE a LOGIN PASSWORD 'se''cret' NOLOGIN NOSUCH;\r\nSELECT 1;";
    const error = await failure(splitStatements(sql), 'BAD_MIGRATION');
    const [text = '', caret = ''] = error.hint?.split('\n') ?? [];
    expect(text).not.toMatch(/se|cret/);
    expect(text.slice(caret.length - 1)).toBe('NOSUCH;');
  });

  it('gives the same of a text that is parsed in parts', async () => {
    const one = [
      "INSERT INTO t VALUES ('a;b\\', E'it\\'s;', $q$;$$;$q$); -- ; '",
      'CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END;',
      'CREATE RULE r AS ON INSERT TO t DO (UPDATE t SET a = 1; DELETE FROM u);',
      '/* é ; /* ; */ */ SELECT \'é\u{1f600};\', "a;""b", $1;',
    ].join('\n');
    const times = 2_000;
    const statements = await splitStatements(`${one}\n`.repeat(times), { line: 3 });
    const few = await splitStatements(one);
    expect(few.map(({ kind }) => kind)).toHaveLength(4);
    expect(statements).toHaveLength(few.length * times);
    const last = statements.slice(-4);
    expect(last.map(({ sql, kind }) => [sql, kind])).toEqual(
      few.map(({ sql, kind }) => [sql, kind]),
    );
    const lines = one.split('\n').length;
    expect(last.map(({ line }) => line)).toEqual(
      few.map(({ line }) => line + 2 + lines * (times - 1)),
    );
  });

  it('says where in the text each of them is', async () => {
    const sql = "-- é \u{1f600}\n SELECT 'é' ;;/* x */ UPDATE t SET a = 1\n";
    for (const { start, end, sql: text } of await splitStatements(sql)) {
      expect(sql.slice(start, end)).toBe(text);
    }
  });

  it('ends between two parts when it is interrupted', async () => {
    const signal = AbortSignal.abort();
    await failure(splitStatements('SELECT 1', { signal }), 'INTERRUPTED');
  });

  it.each([
    ['SELECT 1;\nSELEC 2;', /f\.sql, line 2, column 1: syntax error at or near "SELEC"/],
    ["SELECT 'é';\n\nSELECT 'open", /f\.sql, line 3, column 8: unterminated/],
    ['SELECT 1;\n\\set x 1\nSELECT 2;', /f\.sql, line 2: "\\set x 1" is a command of psql/],
    ['\\restrict abc\nSELECT 2;', /f\.sql, line 1: .* is a command of psql/],
    ['CREATE TABLE t (a int);\nCOPY t FROM stdin;\n1\n\\.\n', /f\.sql, line 3: COPY … FROM stdin/],
    ['COPY t (a) FROM stdin WITH (FORMAT csv);\n', /line 1: COPY … FROM stdin/],
    ['COPY t TO stdout', /line 1: COPY … TO stdout/],
    ['SELECT 1;\nSELECT \0;', /line 2: it has a zero byte/],
  ])('refuses %j', async (sql, message) => {
    const error = await failure(splitStatements(sql, { file: 'f.sql' }), 'BAD_MIGRATION');
    expect(error.message).toMatch(message);
    expect(error.details).toMatchObject({ file: 'f.sql', line: expect.any(Number) });
  });
});

describe('checkScript', () => {
  const script = (sql: string, inTransaction = true) => ({
    ...{ file: 'f.sql', line: 1, sql, inTransaction },
  });

  const outside = [
    'CREATE INDEX CONCURRENTLY i ON t (a)',
    'DROP INDEX CONCURRENTLY i',
    'REINDEX TABLE CONCURRENTLY t',
    'REINDEX (CONCURRENTLY) INDEX i',
    'ALTER TABLE t DETACH PARTITION p CONCURRENTLY',
    'VACUUM t',
    'CREATE DATABASE d',
    'DROP DATABASE d',
    "ALTER SYSTEM SET work_mem = '1MB'",
    ...['BEGIN', 'COMMIT', 'END', 'ROLLBACK', 'START TRANSACTION', "PREPARE TRANSACTION 'x'"],
  ];

  it.each(outside)('%s is nothing for a transaction', async (sql) => {
    const error = await failure(checkScript(script(`SELECT 1;\n${sql};`)), 'BAD_MIGRATION');
    expect(error.message).toMatch(/^f\.sql, line 2: /);
    expect(error.hint).toContain('-- belay:no-transaction');
    expect(await checkScript(script(sql, false))).toHaveLength(1);
  });

  it.each([
    ...['ANALYZE t', 'SAVEPOINT a', 'RELEASE a', 'ROLLBACK TO a', 'REINDEX TABLE t'],
    ...['ALTER TABLE t DETACH PARTITION p', 'REFRESH MATERIALIZED VIEW CONCURRENTLY m'],
  ])('%s is part of one', async (sql) => {
    expect(await checkScript(script(sql))).toHaveLength(1);
  });
});

describe('shorten', () => {
  it('makes one short line of a statement', () => {
    expect(shorten('SELECT\n  1')).toBe('SELECT 1');
    expect(shorten(`SELECT '${'x'.repeat(500)}'`)).toHaveLength(200);
  });
});
