import { describe, expect, it } from 'vitest';
import { encodeRecord, parseComment } from '../../src/domain/record.js';
import type { ShadowRecord } from '../../src/domain/shadow.js';
import {
  encodeShadowRecord,
  parseShadowComment,
  shadowName,
} from '../../src/domain/shadow-record.js';

const record: ShadowRecord = {
  ...{ kind: 'shadow', id: '0123456789ab', sourceOid: 1, oid: 2, method: 'clone' },
  target: { server: 'localhost:5432', database: 'shop' },
  createdAt: '2026-11-21T20:00:00.000Z',
  migration: { kind: 'files', name: 'up.sql', durationMs: 12 },
  ...{ targetChecksum: 'a', shadowChecksum: 'b' },
  tables: [
    {
      ...{ oid: 7, name: 'public.items', shadowOid: null, key: [1], isLogged: true, arrived: 0 },
      columns: [{ number: 1, name: 'id', shadowNumber: null }],
      transformed: { inserted: 0, updated: 1, deleted: 0, retyped: [], filled: ['note'] },
    },
  ],
  replication: { slot: 's', publication: 'p' },
  sync: { at: '2026-11-21T20:00:00.000Z', count: 0, snapshot: '7:9:8', lsn: '0/1' },
};

describe('the record of a shadow', () => {
  it('is read as it was written', () => {
    const text = encodeShadowRecord(record);
    expect(parseShadowComment(text)).toEqual({ type: 'record', record });
    expect(text).toMatch(/^\{"belay":1,"kind":"shadow"/);
  });

  it('is no snapshot, and a snapshot is no shadow', () => {
    expect(parseComment(encodeShadowRecord(record)).type).toBe('foreign');
    const snapshot = { kind: 'snapshot', snapshot: { id: 'x' } } as unknown as Parameters<
      typeof encodeRecord
    >[0];
    expect(parseShadowComment(encodeRecord(snapshot)).type).toBe('foreign');
  });

  it.each([
    ...[null, '', 'our test database', '{"belay":', '{"belay":1}', '{"belay":"1","kind":"shadow"}'],
    '{"belay":1,"kind":"shadow"}',
    encodeShadowRecord({ ...record, tables: null as unknown as ShadowRecord['tables'] }),
    encodeShadowRecord({ ...record, replication: {} as ShadowRecord['replication'] }),
    encodeShadowRecord(record).slice(0, -1),
  ])('does not take %j for one', (comment) => {
    expect(parseShadowComment(comment)).toEqual({ type: 'foreign' });
  });

  it('of a later Belay is known as such', () => {
    const later = encodeShadowRecord(record).replace('{"belay":1', '{"belay":9');
    expect(parseShadowComment(later)).toEqual({ type: 'newer', format: 9 });
  });
});

describe('the name of a shadow', () => {
  it('fits, whatever the name of the database', () => {
    expect(shadowName('shop')).toBe('shop_shadow');
    expect(shadowName('x'.repeat(56))).toBe(`${'x'.repeat(56)}_shadow`);
    const long = ['ß'.repeat(31), `${'ß'.repeat(30)}a`].map(shadowName);
    expect(new Set(long).size).toBe(2);
    for (const name of long) {
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(63);
      expect(name).toMatch(/_shadow$/);
    }
  });
});
