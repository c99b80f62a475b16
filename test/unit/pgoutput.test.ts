import { describe, expect, it } from 'vitest';
import { decodePgOutput, type PgOutputMessage } from '../../src/domain/pgoutput.js';
import { formatLsn, parseLsn, parseSnapshot, wasVisible } from '../../src/domain/wal-position.js';
import { BelayError } from '../../src/errors.js';

const int16 = (value: number) => Buffer.from([value >> 8, value & 0xff]);
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const int64 = (value: bigint) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
};
const text = (value: string) => Buffer.from(`${value}\0`);
const tag = (value: string) => Buffer.from(value, 'latin1');

/** null: NULL, undefined: unchanged and not sent. */
function tuple(...values: (string | null | undefined)[]): Buffer {
  const parts = values.map((value) => {
    if (value === null) return tag('n');
    if (value === undefined) return tag('u');
    const bytes = Buffer.from(value);
    return Buffer.concat([tag('t'), int32(bytes.length), bytes]);
  });
  return Buffer.concat([int16(values.length), ...parts]);
}

const message = (...parts: Buffer[]) => Buffer.concat(parts);
const oid = 4_000_000_000;

const relation = message(
  ...[tag('R'), int32(oid), text('public'), text('weird "name"\n;é'), tag('d'), int16(2)],
  ...[Buffer.from([1]), text('id'), int32(23), int32(0xffffffff)],
  ...[Buffer.from([0]), text('-été'), int32(25), int32(0xffffffff)],
);

const samples: readonly [name: string, bytes: Buffer, decoded: PgOutputMessage][] = [
  ['begin', message(tag('B'), int64(1n), int64(2n), int32(oid)), { kind: 'begin', xid: oid }],
  [
    'commit',
    message(tag('C'), Buffer.from([0]), int64(1n), int64(0x16_b374d848n), int64(3n)),
    { kind: 'commit', endLsn: 0x16_b374d848n },
  ],
  [
    'relation',
    relation,
    {
      ...{ kind: 'relation', oid, schema: 'public', name: 'weird "name"\n;é', identity: 'd' },
      columns: [
        { name: 'id', isIdentity: true },
        { name: '-été', isIdentity: false },
      ],
    },
  ],
  [
    'insert',
    message(tag('I'), int32(oid), tag('N'), tuple('1', null, '', 'a\0b', '😀')),
    { kind: 'insert', oid, row: ['1', null, '', 'a\0b', '😀'] },
  ],
  [
    'update without its old row',
    message(tag('U'), int32(oid), tag('N'), tuple('1', undefined)),
    { kind: 'update', oid, old: null, row: ['1', undefined] },
  ],
  [
    'update with its old key',
    message(tag('U'), int32(oid), tag('K'), tuple('1', null), tag('N'), tuple('2', 'x')),
    { kind: 'update', oid, old: ['1', null], row: ['2', 'x'] },
  ],
  [
    'update with its whole old row',
    message(tag('U'), int32(oid), tag('O'), tuple('1', 'y'), tag('N'), tuple('1', 'x')),
    { kind: 'update', oid, old: ['1', 'y'], row: ['1', 'x'] },
  ],
  [
    'delete',
    message(tag('D'), int32(oid), tag('K'), tuple('1', null)),
    { kind: 'delete', oid, old: ['1', null] },
  ],
  [
    'truncate',
    message(tag('T'), int32(2), Buffer.from([3]), int32(oid), int32(7)),
    { kind: 'truncate', oids: [oid, 7] },
  ],
  ['type', message(tag('Y'), int32(9), text('public'), text('mood')), { kind: 'other' }],
  ['origin', message(tag('O'), int64(1n), text('elsewhere')), { kind: 'other' }],
  [
    'message of an application',
    message(tag('M'), Buffer.from([1]), int64(1n), text('app'), int32(2), tag('hi')),
    { kind: 'other' },
  ],
];

describe('messages of pgoutput', () => {
  it.each(samples)('decodes: %s', (_name, bytes, decoded) => {
    expect(decodePgOutput(bytes)).toEqual(decoded);
  });

  it.each(samples.filter(([, , { kind }]) => kind !== 'other'))(
    'refuses every beginning of it: %s',
    (_name, bytes) => {
      for (let length = 0; length < bytes.length; length += 1) {
        expect(codeOf(bytes.subarray(0, length)), `${length} bytes`).toBe('DATABASE_ERROR');
      }
      expect(codeOf(Buffer.concat([bytes, tag('x')]))).toBe('DATABASE_ERROR');
    },
  );

  it.each([
    ['of another version', message(tag('S'), int32(1), Buffer.from([1]))],
    ['with an unknown kind of value', message(tag('I'), int32(1), tag('N'), int16(1), tag('b'))],
    ['with an unknown kind of old row', message(tag('D'), int32(1), tag('X'), tuple('1'))],
    ['with no new row', message(tag('I'), int32(1), tag('K'), tuple('1'))],
    [
      'with a value longer than itself',
      message(tag('I'), int32(1), tag('N'), int16(1), tag('t'), int32(0xffffffff), tag('x')),
    ],
    ['with more tables than it names', message(tag('T'), int32(0xffffffff), Buffer.from([0]))],
  ])('refuses one %s', (_name, bytes) => {
    expect(codeOf(bytes)).toBe('DATABASE_ERROR');
  });
});

function codeOf(bytes: Buffer): string | undefined {
  try {
    decodePgOutput(bytes);
    return undefined;
  } catch (error) {
    if (!(error instanceof BelayError)) throw error;
    return error.code;
  }
}

describe('positions in the WAL', () => {
  it.each(['0/0', '0/1', '16/B374D848', 'FFFFFFFF/FFFFFFFF', '1/0'])('%s and back', (lsn) => {
    expect(formatLsn(parseLsn(lsn))).toBe(lsn);
  });

  it('are in order as numbers, not as texts', () => {
    expect(parseLsn('10/0')).toBeGreaterThan(parseLsn('9/FFFFFFFF'));
  });
});

describe('transactions visible in a snapshot', () => {
  it('are those before it and those not at work', () => {
    const snapshot = parseSnapshot('100:110:100,105');
    const visible = [99, 100, 101, 104, 105, 109, 110, 111].filter((xid) =>
      wasVisible(snapshot, xid),
    );
    expect(visible).toEqual([99, 101, 104, 109]);
  });

  it('are told with nobody at work', () => {
    const snapshot = parseSnapshot('100:100:');
    expect(wasVisible(snapshot, 99)).toBe(true);
    expect(wasVisible(snapshot, 100)).toBe(false);
  });

  it('are told across the wraparound of 32 bits', () => {
    const epoch = 1n << 32n;
    const after = parseSnapshot(`${epoch + 2n}:${epoch + 5n}:${epoch + 3n}`);
    expect(wasVisible(after, 0xfffffff0)).toBe(true);
    expect(wasVisible(after, 3)).toBe(false);
    expect(wasVisible(after, 4)).toBe(true);
    expect(wasVisible(after, 6)).toBe(false);
    const before = parseSnapshot(`${epoch - 5n}:${epoch - 5n}:`);
    expect(wasVisible(before, 3)).toBe(false);
  });
});
