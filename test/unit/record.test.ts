import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeRecord, parseComment, recordFormat, snapshotOf } from '../../src/domain/record.js';
import { sampleRecord } from '../support/sample-records.js';

const record = sampleRecord();
const encoded = JSON.parse(encodeRecord(record));

describe('encodeRecord', () => {
  it('is read back as it was', () => {
    expect(parseComment(encodeRecord(record))).toEqual({ type: 'record', record });
  });

  it('begins with the mark that the catalog is searched for', () => {
    expect(encodeRecord(record).startsWith(`{"belay":${recordFormat},`)).toBe(true);
  });

  it('keeps any description', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (description) => {
        const text = encodeRecord(sampleRecord({ snapshot: { description } }));
        const parsed = parseComment(text);
        expect(parsed.type === 'record' && parsed.record.snapshot.description).toBe(description);
      }),
    );
  });
});

describe('parseComment', () => {
  it.each([
    ['no comment', null],
    ['an empty one', ''],
    ['somebody’s text', 'the shop database'],
    ['somebody’s JSON', '{"owner":"team-a","belay":"no"}'],
    ['half a record', encodeRecord(record).slice(0, 80)],
    ['a number as text', '{"belay":"1","kind":"snapshot"}'],
    ['another kind', JSON.stringify({ ...encoded, kind: 'branch' })],
    ['no snapshot', JSON.stringify({ ...encoded, snapshot: undefined })],
    ['no id', JSON.stringify({ ...encoded, snapshot: { ...encoded.snapshot, id: 7 } })],
    ['no target', JSON.stringify({ ...encoded, snapshot: { ...encoded.snapshot, target: null } })],
    ['no properties', JSON.stringify({ ...encoded, properties: null })],
    ['no OID', JSON.stringify({ ...encoded, sourceOid: '16384' })],
    ['no list of restores', JSON.stringify({ ...encoded, restoredAs: null })],
  ])('takes %s for foreign', (_what, comment) => {
    expect(parseComment(comment)).toEqual({ type: 'foreign' });
  });

  it('knows a record of a later Belay, whatever is in it', () => {
    expect(parseComment('{"belay":2,"nothing":"known"}')).toEqual({ type: 'newer', format: 2 });
  });

  it('reads what has more fields than it knows', () => {
    const parsed = parseComment(JSON.stringify({ ...encoded, colour: 'red' }));
    expect(parsed).toMatchObject({ type: 'record', record });
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(['record', 'newer', 'foreign']).toContain(parseComment(text).type);
        expect(['record', 'newer', 'foreign']).toContain(parseComment(`{"belay":${text}`).type);
      }),
    );
  });
});

describe('snapshotOf', () => {
  it('adds the database that is the copy', () => {
    expect(snapshotOf(record, 'shop_belay_x').copies).toEqual([
      { type: 'clone', database: 'shop_belay_x', method: 'wal_log' },
    ]);
  });
});
