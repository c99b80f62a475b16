import { describe, expect, it } from 'vitest';
import { parseTime, resolveReference } from '../../src/domain/reference.js';

const snapshot = (id: string, tag: string, createdAt: string) => ({ id, tag, createdAt });

/** Newest first, as the timeline has them. */
const snapshots = [
  snapshot('abcd1111zzzz', 'wip', '2026-11-20T12:00:00.500Z'),
  snapshot('abcd2222zzzz', 'feature/Invoices', '2026-11-20T10:00:00.000Z'),
  snapshot('beef3333zzzz', 'baseline', '2026-11-19T08:00:00.000Z'),
];

const tagOf = (reference: string) => resolveReference(reference, snapshots).tag;

function codeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return (error as { code: string }).code;
  }
}

describe('resolveReference', () => {
  it.each([
    ['baseline', 'baseline'],
    ['beef3333zzzz', 'baseline'],
    ['beef', 'baseline'],
    ['abcd1', 'wip'],
    ['latest', 'wip'],
    ['~0', 'wip'],
    ['~1', 'feature/Invoices'],
    ['~2', 'baseline'],
    ['@2026-11-20T12:00:00.500Z', 'wip'],
    ['@2026-11-20T12:00:00Z', 'feature/Invoices'],
    ['@2026-11-20T11:00:00+01:00', 'feature/Invoices'],
    ['@2026-11-20T10:59:00+0100', 'baseline'],
    ['@2030-01-01', 'wip'],
  ])('%s is %s', (reference, tag) => {
    expect(tagOf(reference)).toBe(tag);
  });

  it.each([
    ['', 'BAD_REFERENCE'],
    ['~', 'BAD_REFERENCE'],
    ['~x', 'BAD_REFERENCE'],
    ['~-1', 'BAD_REFERENCE'],
    ['~1234567', 'BAD_REFERENCE'],
    ['@', 'BAD_TIME'],
    ['@yesterday', 'BAD_TIME'],
    ['~3', 'SNAPSHOT_NOT_FOUND'],
    ['@2026-11-19T07:59:59Z', 'SNAPSHOT_NOT_FOUND'],
    ['bee', 'SNAPSHOT_NOT_FOUND'],
    ['nothing', 'SNAPSHOT_NOT_FOUND'],
    ["x' OR 1=1", 'SNAPSHOT_NOT_FOUND'],
    ['abcd', 'AMBIGUOUS_REFERENCE'],
  ])('%j fails with %s', (reference, code) => {
    expect(codeOf(() => tagOf(reference))).toBe(code);
  });

  it('finds a tag before an id, and an id before a prefix', () => {
    const tagged = [...snapshots, snapshot('beef3333zzz1', 'abcd1111zzzz', '2026-01-01T00:00:00Z')];
    expect(resolveReference('abcd1111zzzz', tagged).id).toBe('beef3333zzz1');
  });

  it('says which tag is like a mistyped one', () => {
    expect(() => tagOf('invoices')).toThrow('did you mean "feature/Invoices"?');
    expect(() => tagOf('BASELINE')).toThrow('did you mean "baseline"?');
  });

  it('names no snapshot where there is none', () => {
    expect(() => resolveReference('latest', [])).toThrow('there are 0 snapshots');
  });
});

describe('parseTime', () => {
  it('takes a time without a zone as local', () => {
    expect(parseTime('2026-11-20T14:30').getTime()).toBe(new Date(2026, 10, 20, 14, 30).getTime());
    expect(parseTime('2026-11-20 14:30').getTime()).toBe(new Date(2026, 10, 20, 14, 30).getTime());
    expect(parseTime('2026-11-20').getTime()).toBe(new Date(2026, 10, 20).getTime());
  });

  it.each([
    '',
    'now',
    '20.11.2026',
    '2026-13-01',
    '2026-02-30',
    '2026-04-31T10:00Z',
    '2026-11-20T25:00',
    '2026-11-20T',
    '12:00',
  ])('refuses %j', (text) => {
    expect(codeOf(() => parseTime(text))).toBe('BAD_TIME');
  });
});
