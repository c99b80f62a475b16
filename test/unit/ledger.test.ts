import { describe, expect, it } from 'vitest';
import {
  encodeLedgerEntry,
  encodeLedgerHead,
  type LedgerEntry,
  ledgerActions,
  ledgerKey,
  parseLedgerEntry,
  parseLedgerHead,
  parseLedgerKey,
} from '../../src/domain/ledger.js';

const entry: LedgerEntry = {
  belay: 1,
  number: 2,
  previous: 'a'.repeat(64),
  at: '2026-11-21T06:51:43.000Z',
  actor: { user: 'ci', host: 'runner', version: '0.1.0' },
  action: 'checkpoint',
  target: { server: 'db:5432', database: 'shop' },
  snapshot: { id: '0123456789ab', tag: 'before' },
  outcome: 'done',
  rows: 312_004,
  details: { odd: '"quotes"\nand ü', nested: { list: [1, null] } },
  nonce: '00ff',
};

const text = (one: LedgerEntry) => Buffer.from(encodeLedgerEntry(one)).toString('utf8');

describe('an entry', () => {
  it('reads what it wrote', () => {
    expect(parseLedgerEntry(encodeLedgerEntry(entry), 2)).toEqual({ type: 'entry', entry });
  });

  it('stays readable with an action of a later version', () => {
    const later = { ...entry, action: 'mirroring' };
    expect(ledgerActions).not.toContain(later.action);
    expect(parseLedgerEntry(encodeLedgerEntry(later), 2)).toMatchObject({ entry: later });
  });

  it.each([
    ['edited', text(entry).replace('312004', '312003'), 2, /edited/],
    ['without its seal', JSON.stringify(entry), 2, /edited/],
    ['with a field added', text(entry).replace('"rows"', '"x": 1, "rows"'), 2, /edited/],
    ['in another place', text(entry), 3, /it is entry 2/],
    ['of a later format', text({ ...entry, belay: 2 }), 2, /newer Belay/],
    ['of another program', '{"level":"info"}', 2, /not an entry/],
    ['that is a list', '[1]', 2, /not an entry/],
    ['that is no JSON', text(entry).slice(0, 100), 2, /not an entry/],
    ['that is empty', '', 2, /not an entry/],
    ['with a snapshot that is none', text({ ...entry, snapshot: 'x' as never }), 2, /not an entry/],
  ])('%s is broken, and says why', (_, bytes, number, why) => {
    const parsed = parseLedgerEntry(Buffer.from(bytes), number);
    expect(parsed).toEqual({ type: 'broken', why: expect.stringMatching(why) });
  });
});

describe('keys of entries', () => {
  it('sort as their numbers do', () => {
    const numbers = [1, 2, 9, 10, 99, 100, 12_345, 999_999_999_999];
    const keys = numbers.map(ledgerKey);
    expect([...keys].sort()).toEqual(keys);
    expect(keys.map(parseLedgerKey)).toEqual(numbers);
    expect(keys[0]).toBe('ledger/000000000001.json');
  });

  it.each([
    'ledger/1.json',
    'ledger/000000000000.json',
    'ledger/000000000001.json.bak',
    'x/ledger/000000000001.json',
    'ledger~head.json',
  ])('%s is none', (key) => {
    expect(parseLedgerKey(key)).toBeUndefined();
  });
});

describe('the note of the newest entry', () => {
  it('reads what it wrote, and anything else as no note', () => {
    const head = { number: 7, sha256: 'b'.repeat(64) };
    expect(parseLedgerHead(encodeLedgerHead(head))).toEqual(head);
    for (const other of ['', '{', '{"number":7}', '{"number":-1,"sha256":"b"}', 'null']) {
      expect(parseLedgerHead(Buffer.from(other))).toBeUndefined();
    }
    expect(parseLedgerHead(undefined)).toBeUndefined();
  });
});
