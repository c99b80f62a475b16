import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BranchRecord } from '../../src/domain/branch.js';
import {
  decideGc,
  type GcCandidate,
  type GcPolicy,
  isNeededBy,
  remainingQuotaProblem,
} from '../../src/domain/branch-gc.js';
import { forever } from '../../src/domain/snapshot.js';

const now = new Date('2026-11-22T12:00:00.000Z');
const hourMs = 3_600_000;
const hoursAgo = (hours: number) => new Date(now.getTime() - hours * hourMs).toISOString();
const policy: GcPolicy = { now, graceMs: hourMs };

function record(name: string, changes: Partial<BranchRecord> = {}): BranchRecord {
  return {
    ...{ kind: 'branch', id: name, name, isolation: 'database', purpose: 'manual' },
    root: { server: '127.0.0.1:5432', database: 'shop' },
    ...{ database: `shop_${name}`, schema: null, sourceSchema: null },
    base: {
      ...{ kind: 'live', name: 'live', snapshotId: `base-${name}`, isAutomatic: true },
      ...{ database: 'shop', at: hoursAgo(48) },
    },
    git: { branch: name, commit: null, repository: '/home/dev/shop/.git', host: 'desk' },
    ...{ createdAt: hoursAgo(48), resetAt: null, lastUsedAt: hoursAgo(24) },
    ...{ expiresAt: null, protectedUntil: null },
    ...changes,
  };
}

function candidate(
  name: string,
  changes: Partial<Omit<GcCandidate, 'record'>> = {},
  recordChanges: Partial<BranchRecord> = {},
): GcCandidate {
  return {
    record: record(name, recordChanges),
    ...{ state: 'ready', sizeBytes: 100, uses: [], gitFate: 'open', isLost: false },
    ...changes,
  };
}

const startsFrom = (name: string): BranchRecord['base'] => ({
  ...record('x').base,
  ...{ kind: 'branch', name, database: `shop_${name}` },
});

function whatOf(candidates: readonly GcCandidate[], changes: Partial<GcPolicy> = {}) {
  const decisions = decideGc(candidates, { ...policy, ...changes });
  return Object.fromEntries(
    decisions.map(({ candidate: { record: one }, reason, why }) => [
      one.name,
      reason === null ? `stays: ${why}` : `${reason}: ${why}`,
    ]),
  );
}

const over = { expiresAt: hoursAgo(1) };

describe('decideGc', () => {
  it.each<[string, GcCandidate, string]>([
    ['keeps by default', candidate('a'), 'stays: no rule removes it'],
    [
      'keeps what expires later',
      candidate('a', {}, { expiresAt: '2026-11-23T12:00:00.000Z' }),
      'stays: expires 2026-11-23T12:00:00.000Z',
    ],
    [
      'removes what expired this very moment',
      candidate('a', {}, { expiresAt: now.toISOString() }),
      'expired: expired 2026-11-22T12:00:00.000Z',
    ],
    [
      'removes what was deleted in git',
      candidate('a', { gitFate: 'deleted' }),
      'git-deleted: git branch a was deleted',
    ],
    [
      'removes what is merged in git',
      candidate('a', { gitFate: 'merged' }),
      'git-merged: git branch a is merged',
    ],
    [
      'keeps what is merged and was used lately',
      candidate('a', { gitFate: 'merged' }, { lastUsedAt: hoursAgo(0.5) }),
      'stays: git branch a is merged, but last used 2026-11-22T11:30:00.000Z',
    ],
    [
      'removes what was deleted in git however lately it was used',
      candidate('a', { gitFate: 'deleted' }, { lastUsedAt: hoursAgo(0) }),
      'git-deleted: git branch a was deleted',
    ],
    [
      'removes what is gone on the remote',
      candidate('a', { gitFate: 'gone-upstream' }),
      'git-merged: git branch a is gone on its remote, as after a merge',
    ],
    [
      'keeps what is not known',
      candidate('a', { gitFate: 'unknown' }),
      'stays: no rule removes it',
    ],
    [
      'keeps what is in use though it expired',
      candidate('a', { uses: ['2 sessions', 'current in /home/dev/shop'] }, over),
      'stays: expired 2026-11-22T11:00:00.000Z, but in use: 2 sessions, current in /home/dev/shop',
    ],
    [
      'keeps what is protected though it was deleted in git',
      candidate('a', { gitFate: 'deleted' }, { protectedUntil: forever }),
      'stays: git branch a was deleted, but protected',
    ],
    [
      'no longer keeps what was protected until now',
      candidate('a', {}, { ...over, protectedUntil: now.toISOString() }),
      'expired: expired 2026-11-22T11:00:00.000Z',
    ],
    [
      'removes a record whose data is gone, protected or not',
      candidate('a', { isLost: true, state: 'damaged' }, { protectedUntil: forever }),
      'lost: its data is gone',
    ],
    [
      'keeps what is damaged and has its data',
      candidate('a', { state: 'damaged' }),
      'stays: no rule removes it',
    ],
  ])('%s', (_, one, expected) => {
    expect(whatOf([one])).toEqual({ a: expected });
  });

  it('keeps what another branch that stays starts from, however far', () => {
    const chain = [
      candidate('a', {}, over),
      candidate('b', {}, { ...over, base: startsFrom('a') }),
      candidate('c', {}, { base: startsFrom('b') }),
    ];
    expect(whatOf(chain)).toEqual({
      a: 'stays: expired 2026-11-22T11:00:00.000Z, but branch b starts from it',
      b: 'stays: expired 2026-11-22T11:00:00.000Z, but branch c starts from it',
      c: 'stays: no rule removes it',
    });
  });

  it('removes a branch before the one that it starts from', () => {
    const chain = [
      candidate('a', {}, over),
      candidate('b', {}, { ...over, base: startsFrom('a') }),
      candidate('c', {}, { ...over, base: startsFrom('b') }),
    ];
    const order = decideGc(chain, policy).map((decision) => decision.candidate.record.name);
    expect(order).toEqual(['c', 'b', 'a']);
  });

  it('removes the least recently used until the rest is within the quota', () => {
    const used = [3, 1, 5, 2].map((hours, at) =>
      candidate('abcd'[at] as string, {}, { lastUsedAt: hoursAgo(hours) }),
    );
    expect(whatOf(used, { maxBranches: 2 })).toEqual({
      a: 'quota: more than 2 branches, and it was not used for the longest time',
      b: 'stays: no rule removes it',
      c: 'quota: more than 2 branches, and it was not used for the longest time',
      d: 'stays: no rule removes it',
    });
    expect(whatOf(used, { maxBytes: 350 })).toMatchObject({
      c: 'quota: more than 350 bytes, and it was not used for the longest time',
      a: 'stays: no rule removes it',
    });
  });

  it('says that what stays is still over the quota', () => {
    const all = [
      candidate('a', {}, { protectedUntil: forever }),
      candidate('b', { uses: ['1 session'] }),
      candidate('c'),
    ];
    const decisions = decideGc(all, { ...policy, maxBranches: 1 });
    expect(decisions.filter(({ reason }) => reason !== null)).toHaveLength(1);
    expect(remainingQuotaProblem(decisions, { ...policy, maxBranches: 1 })).toBe(
      'more than 1 branch',
    );
  });

  it('leaves out reasons that do not count', () => {
    const all = [candidate('a', {}, over), candidate('b', { gitFate: 'deleted' })];
    const removed = decideGc(all, { ...policy, reasons: ['expired'], maxBranches: 0 })
      .filter(({ reason }) => reason !== null)
      .map((decision) => decision.candidate.record.name);
    expect(removed).toEqual(['a']);
  });
});

describe('isNeededBy', () => {
  it('holds for branches that are databases', () => {
    const child = record('b', { base: startsFrom('a') });
    expect(isNeededBy(record('a'), child)).toBe(true);
    expect(isNeededBy(child, record('a'))).toBe(false);
    const own = { ...startsFrom('a'), snapshotId: null };
    expect(isNeededBy(record('a'), record('b', { base: own }))).toBe(false);
  });

  it('does not hold for those that have the target’s database in common', () => {
    const clusters = ['a', 'b'].map((name) =>
      record(name, { isolation: 'cluster', database: 'shop' }),
    ) as [BranchRecord, BranchRecord];
    expect(isNeededBy(...clusters)).toBe(false);
    const schema = record('s', { isolation: 'schema', database: 'shop', schema: 'public_s' });
    expect(isNeededBy(schema, record('d'))).toBe(false);
  });
});

const names = ['a', 'b', 'c', 'd', 'e', 'f'];
const someCandidates = fc
  .tuple(...names.map((name, at) => candidateOf(name, names.slice(0, at))))
  .map((all) => [...all]);

function candidateOf(name: string, parents: readonly string[]): fc.Arbitrary<GcCandidate> {
  const base =
    parents.length === 0
      ? fc.constant(record(name).base)
      : fc
          .option(fc.constantFrom(...parents), { nil: null })
          .map((parent) => (parent === null ? record(name).base : startsFrom(parent)));
  return fc
    .record({
      base,
      expiresAt: fc.constantFrom(null, hoursAgo(1), hoursAgo(-1)),
      protectedUntil: fc.constantFrom(null, null, forever, hoursAgo(1)),
      lastUsedAt: fc.nat(99).map(hoursAgo),
      sizeBytes: fc.nat(1000),
      uses: fc.constantFrom([], [], ['1 session']),
      gitFate: fc.constantFrom<GcCandidate['gitFate']>('none', 'open', 'deleted', 'merged'),
      isLost: fc.constantFrom(false, false, false, true),
    })
    .map(({ sizeBytes, uses, gitFate, isLost, ...changes }) =>
      candidate(name, { sizeBytes, uses, gitFate, isLost }, changes),
    );
}

const somePolicy = fc.record({
  maxBranches: fc.option(fc.nat(6), { nil: undefined }),
  maxBytes: fc.option(fc.nat(3000), { nil: undefined }),
});

describe('whatever branches there are', () => {
  it('never removes one that is used, protected or needed', () => {
    fc.assert(
      fc.property(someCandidates, somePolicy, (all, quota) => {
        const decisions = decideGc(all, { ...policy, ...quota });
        expect(decisions).toHaveLength(all.length);
        const stay = decisions.filter(({ reason }) => reason === null);
        for (const { candidate: one, reason, why } of decisions) {
          expect(why).not.toBe('');
          if (reason === null) continue;
          expect(one.uses).toEqual([]);
          const { protectedUntil } = one.record;
          const isProtected = protectedUntil !== null && Date.parse(protectedUntil) > now.getTime();
          expect(isProtected && !one.isLost).toBe(false);
          expect(stay.some((other) => isNeededBy(one.record, other.candidate.record))).toBe(false);
        }
      }),
    );
  });

  it('removes each before what it starts from', () => {
    fc.assert(
      fc.property(someCandidates, somePolicy, (all, quota) => {
        const going = decideGc(all, { ...policy, ...quota }).filter(
          ({ reason }) => reason !== null,
        );
        going.forEach(({ candidate: one }, at) => {
          const later = going.slice(at + 1).map((decision) => decision.candidate.record);
          expect(later.some((other) => isNeededBy(one.record, other))).toBe(false);
        });
      }),
    );
  });

  it('has nothing more to do after it was done', () => {
    fc.assert(
      fc.property(someCandidates, somePolicy, (all, quota) => {
        const run = { ...policy, ...quota };
        const left = decideGc(all, run)
          .filter(({ reason }) => reason === null)
          .map((decision) => decision.candidate);
        const again = decideGc(left, run).filter(({ reason }) => reason !== null);
        expect(again).toEqual([]);
      }),
    );
  });

  it('goes over the quota only by what may not go', () => {
    fc.assert(
      fc.property(someCandidates, fc.nat(6), (all, maxBranches) => {
        const decisions = decideGc(all, { ...policy, maxBranches });
        const stay = decisions.filter(({ reason }) => reason === null);
        if (stay.length <= maxBranches) return;
        const records = stay.map((decision) => decision.candidate.record);
        for (const { candidate: one } of stay) {
          const { protectedUntil } = one.record;
          const isHeld =
            one.uses.length > 0 ||
            (protectedUntil !== null && Date.parse(protectedUntil) > now.getTime()) ||
            records.some((other) => isNeededBy(one.record, other));
          expect(isHeld).toBe(true);
        }
      }),
    );
  });
});
