import { describe, expect, it } from 'vitest';
import type { SqlPart } from '../../../src/domain/psql/psql-parts.js';
import { readPsqlScript } from '../../../src/domain/psql/psql-script.js';
import { splitStatements } from '../../../src/postgres/parse-sql.js';

function read(text: string, variables: Record<string, string> = {}) {
  const { parts, notes, copies, leaves } = readPsqlScript(text, {
    variables: new Map(Object.entries(variables)),
  });
  const sql = parts.filter((part): part is SqlPart => part.kind === 'sql');
  return { parts, sql, notes, copies, leaves };
}

/** Line and text of each statement that is left. */
async function statementsOf(text: string, variables: Record<string, string> = {}) {
  const found: [number, string][] = [];
  for (const { sql, line } of read(text, variables).sql) {
    const statements = await splitStatements(sql, { line, allowCopiedData: true });
    found.push(...statements.map((one): [number, string] => [one.line, one.sql]));
  }
  return found;
}

describe('readPsqlScript', () => {
  it.each([
    'SELECT 1;\nSELECT 2',
    "SELECT E'\\\\set x', '\\q', $$\n\\c other\n$$, \"\\q\"; -- \\q\n/* \\! rm */ SELECT 2",
    'COPY t FROM \'/file\';\nCOPY (SELECT 1 FROM stdin) TO stdout;\nSELECT "copy" FROM stdin;\n',
  ])('gives plain SQL back as it is: %j', (text) => {
    const { sql, notes, copies } = read(text);
    expect(sql.map((part) => part.sql).join('')).toBe(text);
    expect([notes, copies]).toEqual([[], []]);
  });

  it('takes out what is only about output, and keeps lines what they are', async () => {
    const text =
      "\\set ON_ERROR_STOP on\n\\echo it's; here\nSELECT 1;\n\\d+ t\n\n  \\timing\nSELECT 2;";
    expect(await statementsOf(text)).toEqual([
      [3, 'SELECT 1'],
      [7, 'SELECT 2'],
    ]);
    expect(read(text).notes).toEqual([]);
  });

  it('counts the rows of COPY and takes them out', async () => {
    const text = `CREATE TABLE t (a int);
COPY public.t (a, "b;") FROM stdin WITH (FORMAT text); -- data follows
1\tDROP TABLE t;
2\t'
\\N\t$$
\\.

COPY t FROM STDIN;
\\.
copy binary t from stdin;
last`;
    expect(await statementsOf(text)).toEqual([
      [1, 'CREATE TABLE t (a int)'],
      [2, 'COPY public.t (a, "b;") FROM stdin WITH (FORMAT text)'],
      [8, 'COPY t FROM STDIN'],
      [10, 'copy binary t from stdin'],
    ]);
    expect(read(text).copies).toEqual([
      { line: 2, rows: 3 },
      { line: 8, rows: 0 },
      { line: 10, rows: 1 },
    ]);
  });

  it('knows the data of a table with many columns, and no query in brackets', () => {
    const columns = Array.from({ length: 200 }, (_, i) => `c${i}`).join(', ');
    const copies = (text: string) => read(text).copies;
    expect(copies(`COPY t (${columns}) FROM stdin;\n1\n\\.\n`)).toEqual([{ line: 1, rows: 1 }]);
    expect(copies(`COPY (SELECT ${columns} FROM stdin) TO stdout;\n1\n\\.\n`)).toEqual([]);
  });

  it('goes on after data with line ends of Windows', async () => {
    const text = 'COPY t FROM stdin;\r\n1\r\n2\r\n\\.\r\nSELECT 1;\r\n';
    expect(await statementsOf(text)).toEqual([
      [1, 'COPY t FROM stdin'],
      [5, 'SELECT 1'],
    ]);
    expect(read(text).copies).toEqual([{ line: 1, rows: 2 }]);
  });

  it('ends statements where a command sends them', async () => {
    const text =
      "SELECT 1 \\g\nSELECT 'x' AS v \\gset\nSELECT 'DROP TABLE t' \\gexec\nSELECT 2 \\; SELECT 3;";
    expect(await statementsOf(text)).toEqual([
      [1, 'SELECT 1'],
      [2, "SELECT 'x' AS v"],
      [3, "SELECT 'DROP TABLE t'"],
      [4, 'SELECT 2'],
      [4, 'SELECT 3'],
    ]);
    expect(read(text).notes).toEqual([
      { line: 2, text: '\\gset sets variables, which are not known here', isUnseen: false },
      { line: 3, text: '\\gexec runs what its query gives', isUnseen: true },
    ]);
  });

  it('leaves out what is thrown away, described only, or after the end', async () => {
    const text =
      'SELECT 1;\nDROP TABLE\n t \\r\nDELETE FROM t \\gdesc\nSELECT 2;\n\\q\nDROP TABLE t;';
    expect(await statementsOf(text)).toEqual([
      [1, 'SELECT 1'],
      [5, 'SELECT 2'],
    ]);
    expect(read(text).notes).toEqual([
      { line: 6, text: '\\q: what follows is not read', isUnseen: false },
    ]);
  });

  it('says what it does not look at', () => {
    const text =
      "\\if :x\nSELECT 1;\n\\else\n\\! rm -rf /\n\\endif\n\\copy t from 'f'\n\\unheard of\n";
    expect(read(text).notes).toEqual([
      { line: 1, text: '\\if :x: both ways are looked at, as if both ran', isUnseen: false },
      { line: 4, text: '\\! rm -rf / was not looked at', isUnseen: true },
      { line: 6, text: "\\copy t from 'f' was not looked at", isUnseen: true },
      { line: 7, text: '\\unheard of was not looked at', isUnseen: true },
    ]);
  });

  it('puts in variables that are known, as psql does', async () => {
    const text = `\\set name 'my "t"'
\\set lim 1 0
DELETE FROM :"name" WHERE a = :'name' AND b < :lim AND c::text = :unknown::text AND :{?lim};
SELECT ':lim', a[1:2];
\\unset lim
SELECT 1 /* :lim */;`;
    const [first, second] = (await statementsOf(text.replace(':unknown', '$1'))) as [
      number,
      string,
    ][];
    expect(first).toEqual([
      3,
      `DELETE FROM "my ""t""" WHERE a = 'my "t"' AND b < 10 AND c::text = $1::text AND TRUE`,
    ]);
    expect(second).toEqual([4, "SELECT ':lim', a[1:2]"]);
    expect(await statementsOf("SELECT :'a';", { a: "it's \\" })).toEqual([
      [1, "SELECT  E'it''s \\\\'"],
    ]);
  });

  it('names files that are read in between, with the lines around them', () => {
    const { parts } = read("SELECT 1;\n\\i 'a b.sql'\n\\ir sub/c.sql\nSELECT 2;");
    expect(parts).toEqual([
      { kind: 'sql', sql: 'SELECT 1;\n', line: 1 },
      { kind: 'include', path: 'a b.sql', isRelative: false, line: 2 },
      { kind: 'sql', sql: '\n', line: 2 },
      { kind: 'include', path: 'sub/c.sql', isRelative: true, line: 3 },
      { kind: 'sql', sql: '\nSELECT 2;', line: 3 },
    ]);
  });

  it('stops where the file leads to another database', () => {
    const { leaves } = read('SELECT 1;\n\\connect other\nDROP TABLE t;');
    expect(leaves).toEqual({ line: 2, text: '\\connect other', isUnseen: true });
  });
});
