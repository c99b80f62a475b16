import { describe, expect, it } from 'vitest';
import { applyRetention, type RetentionPolicy } from '../../src/domain/retention.js';
import { type ArchiveCopy, forever, isProtected } from '../../src/domain/snapshot.js';
import { sampleSnapshot } from '../support/sample-records.js';

const now = new Date('2026-11-21T12:00:00.000Z');
const dayMs = 86_400_000;
const daysAgo = (days: number) => new Date(now.getTime() - days * dayMs).toISOString();

/** Newest first: 0, 1, 2 … days old. */
const snapshots = ['a', 'b', 'c', 'd'].map((id, days) =>
  sampleSnapshot({ id, tag: id, createdAt: daysAgo(days) }),
);

function kept(policy: RetentionPolicy, inUse: Record<string, string> = {}, from = snapshots) {
  return applyRetention(from, policy, new Map(Object.entries(inUse)), now)
    .filter(({ keep }) => keep)
    .map(({ snapshot }) => snapshot.id)
    .join('');
}

describe('applyRetention', () => {
  it('keeps the newest, the young, and what either rule keeps', () => {
    expect(kept({ keepLast: 2 })).toBe('ab');
    expect(kept({ keepLast: 0 })).toBe('');
    expect(kept({ keepLast: 9 })).toBe('abcd');
    expect(kept({ keepWithinMs: 2 * dayMs })).toBe('abc');
    expect(kept({ keepWithinMs: 2 * dayMs - 1 })).toBe('ab');
    expect(kept({ keepLast: 3, keepWithinMs: dayMs })).toBe('abc');
    expect(kept({ keepLast: 1, keepWithinMs: 2 * dayMs })).toBe('abc');
  });

  it('keeps what is in use, without giving it a place of keepLast', () => {
    expect(kept({ keepLast: 1 }, { a: 'undo', d: 'base' })).toBe('abd');
  });

  it('keeps what is protected, without giving it a place of keepLast', () => {
    const [first, ...rest] = snapshots;
    const some = [{ ...(first as (typeof snapshots)[0]), protectedUntil: forever }, ...rest];
    expect(kept({ keepLast: 1 }, {}, some)).toBe('ab');
    expect(kept({ keepLast: 0 }, {}, some)).toBe('a');
  });

  it('says why for each', () => {
    const why = applyRetention(snapshots, { keepLast: 1 }, new Map([['b', 'the base']]), now);
    expect(why.map((decision) => decision.why)).toEqual([
      'one of the last 1',
      'the base',
      'no rule keeps it',
      'no rule keeps it',
    ]);
  });
});

describe('isProtected', () => {
  it('ends at its time', () => {
    expect(isProtected({ protectedUntil: null }, now)).toBe(false);
    expect(isProtected({ protectedUntil: forever }, now)).toBe(true);
    expect(isProtected({ protectedUntil: now.toISOString() }, now)).toBe(false);
    expect(isProtected({ protectedUntil: '2026-11-21T12:00:00.001Z' }, now)).toBe(true);
  });

  it('gives archives of some tables places of their own: they push out no whole database', () => {
    const archive: ArchiveCopy = {
      ...{ type: 'archive', location: '/a', sizeBytes: 1, sha256: '0', encrypted: false },
      ...{ drill: { status: 'proven', at: null }, dataOf: ['public.users'] },
    };
    const mixed = snapshots.map((snapshot) =>
      'abc'.includes(snapshot.id) ? { ...snapshot, copies: [archive] } : snapshot,
    );
    expect(kept({ keepLast: 1 }, {}, mixed)).toBe('ad');
    expect(kept({ keepLast: 2 }, {}, mixed)).toBe('abd');
  });
});
