import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseTableOfContents } from '../../src/domain/table-of-contents.js';
import { CopyBlockReader } from '../../src/domain/table-rows.js';
import {
  encodeTableSchemaRecord,
  parseTableSchemaRecord,
  tableSchemaName,
} from '../../src/domain/table-schema-record.js';
import { statementsOf } from '../../src/domain/table-script.js';
import { columnsOfCopy, restoreList, selectTables } from '../../src/domain/table-selection.js';

const int = (value: number) => {
  const bytes = Buffer.alloc(5);
  bytes.writeUInt8(value < 0 ? 1 : 0, 0);
  bytes.writeUInt32LE(Math.abs(value), 1);
  return bytes;
};
const text = (value: string | null) =>
  value === null ? int(-1) : Buffer.concat([int(Buffer.byteLength(value)), Buffer.from(value)]);

interface Entry {
  readonly id: number;
  readonly kind: string;
  readonly schema?: string;
  readonly tag: string;
  readonly copy?: string;
  readonly sql?: string;
  readonly needs?: readonly number[];
}

function entryBytes(minor: number, entry: Entry): Buffer {
  return Buffer.concat([
    ...[int(entry.id), int(0), text('0'), text('0'), text(entry.tag), text(entry.kind), int(2)],
    ...[text(entry.sql ?? ''), text(''), text(entry.copy ?? null), text(entry.schema ?? null)],
    ...[text(null), text(null), ...(minor >= 16 ? [int(114)] : []), text('me'), text('false')],
    ...(entry.needs ?? []).map((id) => text(String(id))),
    ...[text(null), Buffer.alloc(9)],
  ]);
}

/** The head of a file as pg_dump writes it. */
function head(minor: number, entries: readonly Entry[]): Buffer {
  return Buffer.concat([
    Buffer.from('PGDMP'),
    Buffer.from([1, minor, 0, 4, 8, 1]),
    minor >= 15 ? Buffer.from([1]) : int(-1),
    ...Array.from({ length: 7 }, () => int(1)),
    ...[text('shop'), text('15.18'), text('15.18'), int(entries.length)],
    ...entries.map((entry) => entryBytes(minor, entry)),
  ]);
}

const entries: readonly Entry[] = [
  { id: 1, kind: 'ENCODING', tag: 'ENCODING', sql: "SET client_encoding = 'UTF8';\n" },
  { id: 10, kind: 'SCHEMA', tag: 'app' },
  { id: 11, kind: 'TYPE', schema: 'app', tag: 'mood', needs: [10] },
  { id: 12, kind: 'FUNCTION', schema: 'app', tag: 'touch()', needs: [10] },
  { id: 20, kind: 'TABLE', schema: 'app', tag: 'orders', needs: [10, 11] },
  { id: 21, kind: 'COMMENT', schema: 'app', tag: 'TABLE orders', needs: [20] },
  { id: 22, kind: 'SEQUENCE', schema: 'app', tag: 'orders_id_seq', needs: [20] },
  { id: 23, kind: 'ACL', schema: 'app', tag: 'SEQUENCE orders_id_seq', needs: [22] },
  { id: 30, kind: 'TABLE', schema: 'app', tag: 'items\nx', needs: [10] },
  { id: 31, kind: 'VIEW', schema: 'app', tag: 'v', needs: [20] },
  { id: 32, kind: 'TABLE', schema: 'app', tag: 'customers', needs: [10] },
  {
    id: 40,
    kind: 'TABLE DATA',
    schema: 'app',
    tag: 'orders',
    needs: [20],
    copy: 'COPY app.orders (id) FROM stdin;\n',
  },
  { id: 41, kind: 'SEQUENCE SET', schema: 'app', tag: 'orders_id_seq', needs: [22] },
  { id: 50, kind: 'CONSTRAINT', schema: 'app', tag: 'customers customers_pkey', needs: [32] },
  { id: 51, kind: 'INDEX', schema: 'app', tag: 'orders_idx', needs: [20] },
  { id: 52, kind: 'COMMENT', schema: 'app', tag: 'INDEX orders_idx', needs: [51] },
  { id: 53, kind: 'TRIGGER', schema: 'app', tag: 'orders touch', needs: [20, 12] },
  { id: 54, kind: 'POLICY', schema: 'app', tag: 'customers p', needs: [20, 32] },
  { id: 60, kind: 'FK CONSTRAINT', schema: 'app', tag: 'orders fk', needs: [20, 32, 50] },
  { id: 61, kind: 'FK CONSTRAINT', schema: 'app', tag: 'items\nx fk', needs: [30, 20] },
  { id: 62, kind: 'COMMENT', schema: 'app', tag: 'CONSTRAINT fk', needs: [61] },
];

function contents(minor = 14) {
  const parsed = parseTableOfContents(head(minor, entries));
  if (parsed.type !== 'contents') throw new Error(parsed.type);
  return parsed.contents;
}

describe('parseTableOfContents', () => {
  it.each([
    [14, 12],
    [15, 16],
    [16, 17],
  ])('reads the format 1.%s, which PostgreSQL %s and later write', (minor, oldestReader) => {
    const found = contents(minor);
    expect(found.oldestReader).toBe(oldestReader);
    expect(found.serverVersion).toBe('15.18');
    expect(found.entries.map(({ dumpId, kind, tag }) => [dumpId, kind, tag])).toEqual(
      entries.map(({ id, kind, tag }) => [id, kind, tag]),
    );
    expect(found.entries.find(({ dumpId }) => dumpId === 60)).toMatchObject({
      schema: 'app',
      owner: 'me',
      needs: [20, 32, 50],
    });
  });

  it('knows where the table of contents ends, and when it is not all there', () => {
    const bytes = head(14, entries);
    const parsed = parseTableOfContents(Buffer.concat([bytes, Buffer.from('data')]));
    expect(parsed).toMatchObject({ contents: { sizeBytes: bytes.length } });
    for (const length of [0, 3, 20, 100, bytes.length - 1]) {
      expect(parseTableOfContents(bytes.subarray(0, length)).type).toBe('incomplete');
    }
  });

  it('refuses what is something else', () => {
    expect(parseTableOfContents(Buffer.from('-- PostgreSQL dump')).type).toBe('foreign');
    expect(parseTableOfContents(head(99, [])).type).toBe('foreign');
  });
});

describe('selectTables', () => {
  const select = (name: string) => selectTables(contents(), [{ schema: 'app', name }]);
  const ids = (list: readonly { dumpId: number }[]) => list.map(({ dumpId }) => dumpId);

  it('finds the parts of a table and what they need, in the order of the dump', () => {
    const found = select('orders');
    if ('type' in found) throw new Error(found.type);
    expect(ids(found.schema)).toEqual([10, 11, 12, 20, 21, 22, 23, 32, 50, 51, 52, 53, 60]);
    expect(ids(found.around)).toEqual([30, 61, 62]);
    expect(ids(found.needed)).toEqual([10, 11, 12]);
    expect(ids(found.sequenceValues)).toEqual([41]);
    expect(found.tables[0]?.data?.dumpId).toBe(40);
    expect(restoreList(found.around)).toBe('30;\n61;\n62;\n');
  });

  it('says what is no table', () => {
    expect(select('nothing')).toMatchObject({ type: 'missing' });
    expect(select('v')).toMatchObject({ type: 'not-a-table', kind: 'a view' });
  });
});

describe('columnsOfCopy', () => {
  it.each([
    [
      'COPY app.orders (id, "a,b", "c""d", "e) FROM stdin;") FROM stdin;\n',
      ['id', 'a,b', 'c"d', 'e) FROM stdin;'],
    ],
    ['COPY "a (b".""".(x) " (id) FROM stdin;\n', ['id']],
    ['COPY app.bare  FROM stdin;\n', []],
    ['', undefined],
  ])('reads %j', (statement, columns) => {
    expect(columnsOfCopy(statement)).toEqual(columns);
  });
});

describe('CopyBlockReader', () => {
  const start = 'COPY app.orders (id) FROM stdin;\n';
  const read = (pieces: readonly string[]) => {
    const reader = new CopyBlockReader(Buffer.from(start));
    const rows = Buffer.concat(pieces.map((piece) => reader.push(Buffer.from(piece))));
    return { rows: rows.toString(), isComplete: reader.isComplete };
  };

  it.each([['1\n2\\.\n\\\\.\n'], [''], ['\n\n'], ['\\N\n']])(
    'finds the rows %j whatever the pieces',
    (rows) => {
      const all = `-- ${start}--\n${start}${rows}\\.\n\n-- end\n\\.\n`;
      fc.assert(
        fc.property(fc.array(fc.nat({ max: all.length })), (cuts) => {
          const at = [0, ...cuts.sort((a, b) => a - b), all.length];
          const pieces = at.slice(1).map((end, index) => all.slice(at[index], end));
          expect(read(pieces)).toEqual({ rows, isComplete: true });
        }),
      );
    },
  );

  it('knows that the end is missing', () => {
    expect(read([`\n${start}1\n2\n`]).isComplete).toBe(false);
    expect(read(['\nnothing of it']).isComplete).toBe(false);
  });
});

describe('statementsOf', () => {
  it('leaves out settings and what only psql knows', () => {
    const body =
      "\n--\n-- Name: t; Type: TABLE\n--\n\nCREATE TABLE t ();\nCOMMENT ON TABLE t IS '\n\\unrestrict x\n';\n";
    expect(
      statementsOf(
        `--\n-- dump\n--\n\n\\restrict abc\n\nSET transaction_timeout = 0;\n${body}\n\\unrestrict abc\n\n`,
      ),
    ).toBe(`${body}\n`);
    expect(statementsOf(`SET x = 1;\n${body}`)).toBe(body);
    expect(statementsOf('SET x = 1;\n')).toBe('');
  });
});

describe('the record of a schema with tables', () => {
  it('is read as it was written, and nothing else is', () => {
    const record = {
      kind: 'aside',
      at: 'now',
      validate: [{ schema: 'a', table: 'b', name: 'c' }],
    } as const;
    expect(parseTableSchemaRecord(encodeTableSchemaRecord(record))).toEqual(record);
    for (const comment of [
      null,
      'mine',
      '{"belay":1',
      '{"belay":2,"kind":"kept"}',
      '{"belay":1,"kind":"x"}',
      '{"belay":1,"kind":"aside"}',
    ]) {
      expect(parseTableSchemaRecord(comment)).toBeUndefined();
    }
    expect(tableSchemaName('kept', 'abc', 0)).toBe('belay_kept_abc');
    expect(tableSchemaName('kept', 'abc', 1)).toBe('belay_kept_abc_2');
  });
});
