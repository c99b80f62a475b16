import { describe, expect, it } from 'vitest';
import type { RehearsedLock } from '../../src/domain/rehearsal.js';
import {
  exclusiveLockMs,
  LockSamples,
  locksOf,
  type RelationName,
  type SeenLock,
} from '../../src/domain/rehearsal-locks.js';

const lock = (more: Partial<SeenLock> = {}): SeenLock => ({
  ...{ pid: 1, backendStart: 'a', transactionStart: 't', relation: 100, granted: true },
  ...{ mode: 'AccessExclusiveLock', waitedMs: 0 },
  ...more,
});
const names = new Map<number, RelationName>([
  [100, { name: 'public.users', kind: 'table' }],
  [101, { name: 'public.users_pkey', kind: 'index' }],
  [102, { name: 'public.orders', kind: 'table' }],
]);

/** Samples every 10 ms, each with these locks. */
function watched(...samples: readonly (readonly SeenLock[])[]) {
  const all = new LockSamples();
  for (const [at, locks] of samples.entries()) {
    const startedMs = 1000;
    const statement = { pid: 1, backendStart: 'a', startedMs, sql: 'ALTER', isActive: true };
    all.add({ atMs: 1000 + 10 * at, locks, statements: [statement] });
  }
  return all.result();
}

describe('locks in samples', () => {
  it('puts a lower and an upper bound to the time held', () => {
    const found = locksOf(watched([], [lock()], [lock()], [lock()], []), names);
    expect(found).toEqual([
      {
        ...{ object: 'public.users', kind: 'table', mode: 'AccessExclusiveLock' },
        ...{ heldMs: 20, heldAtMostMs: 40, waitedMs: 0, statement: 'ALTER' },
      },
    ]);
  });

  it('does not take one sample for no time', () => {
    expect(locksOf(watched([], [lock()], []), names)).toMatchObject([
      { heldMs: 0, heldAtMostMs: 20 },
    ]);
  });

  it('does not put together what was let go of meanwhile', () => {
    const again = lock({ transactionStart: 'later' });
    const found = watched([lock()], [lock()], [], [again], [again], [again]);
    expect(locksOf(found, names)).toMatchObject([{ heldMs: 20 }]);
    const seamless = watched([lock()], [lock()], [again], [again]);
    expect(locksOf(seamless, names)).toMatchObject([{ heldMs: 10 }]);
  });

  it('follows a lock of a session over its transactions', () => {
    const one = (transactionStart: string) =>
      lock({ transactionStart, mode: 'ShareUpdateExclusiveLock' });
    const samples = Array.from({ length: 200 }, (_, i) => [one(`t${i}`)]);
    expect(locksOf(watched(...samples), names)).toMatchObject([{ heldMs: 1990 }]);
  });

  it('tells waiting from holding', () => {
    const waiting = (waitedMs: number) => lock({ granted: false, waitedMs });
    const found = watched([waiting(5)], [waiting(15)], [lock()], [lock()]);
    expect(locksOf(found, names)).toMatchObject([{ heldMs: 10, waitedMs: 15 }]);
    const never = watched([waiting(5)], [waiting(15)], []);
    expect(locksOf(never, names)).toMatchObject([{ heldMs: 0, heldAtMostMs: 0, waitedMs: 15 }]);
  });

  it('knows a process from a later one with its number', () => {
    const found = watched([lock()], [lock()], [lock({ backendStart: 'b' })]);
    expect(locksOf(found, names)).toMatchObject([{ heldMs: 10 }]);
  });

  it('leaves out what is new, and weak locks that are short', () => {
    const weak = lock({ mode: 'RowExclusiveLock' });
    const unknown = lock({ relation: 999 });
    expect(locksOf(watched([weak, unknown], [weak, unknown]), names)).toEqual([]);
  });

  it('lists the longest of each relation and mode, longest first, exact ones before seen ones', () => {
    const index = lock({ relation: 101, mode: 'ShareLock' });
    const result = watched(
      [lock(), index],
      [lock(), index],
      [index],
      [lock({ transactionStart: 'x' })],
    );
    const exact: RehearsedLock = {
      ...{ object: 'public.users', kind: 'table', mode: 'AccessExclusiveLock' },
      ...{ heldMs: 7.5, heldAtMostMs: 7.5, waitedMs: 0, statement: 'ALTER TABLE users' },
    };
    expect(locksOf(result, names).map(({ object, heldMs }) => [object, heldMs])).toEqual([
      ['public.users_pkey', 20],
      ['public.users', 10],
    ]);
    expect(locksOf(result, names, [exact])).toMatchObject([
      { object: 'public.users_pkey', heldMs: 20 },
      { object: 'public.users', heldMs: 7.5 },
    ]);
  });

  it('leaves out what a stronger lock on the same table covers', () => {
    const share = lock({ mode: 'ShareLock' });
    const found = watched([lock(), share], [lock(), share], [lock()], []);
    expect(locksOf(found, names).map(({ mode }) => mode)).toEqual(['AccessExclusiveLock']);
    const longer = watched([lock(), share], [share], [share], []);
    expect(locksOf(longer, names).map(({ mode }) => mode)).toEqual([
      'ShareLock',
      'AccessExclusiveLock',
    ]);
  });

  it('keeps of very many statements the longest', () => {
    const samples = new LockSamples();
    for (let i = 0; i < 5000; i += 1) {
      const long = i % 1000 === 0 ? 45 : 0;
      const startedMs = 1000 + 10 * i - long;
      const one = { pid: 1, backendStart: 'a', startedMs, sql: `SELECT ${i}`, isActive: true };
      samples.add({ atMs: 1000 + 10 * i, locks: [], statements: [one] });
    }
    const { statements } = samples.result();
    expect(statements).toHaveLength(500);
    expect(
      statements
        .slice(0, 5)
        .map(({ sql }) => sql)
        .sort(),
    ).toEqual([...['SELECT 0', 'SELECT 1000', 'SELECT 2000', 'SELECT 3000', 'SELECT 4000']]);
  });

  it('counts exclusive locks on tables alone', () => {
    const base = { heldAtMostMs: 50, waitedMs: 0, statement: null };
    const mode = 'AccessExclusiveLock';
    expect(
      exclusiveLockMs([
        { ...base, object: 'public.i', kind: 'index', mode, heldMs: 40 },
        { ...base, object: 'public.t', kind: 'table', mode: 'ShareLock', heldMs: 30 },
        { ...base, object: 'public.t', kind: 'table', mode, heldMs: 20 },
      ]),
    ).toBe(20);
    expect(exclusiveLockMs([])).toBe(0);
  });

  it('says how far samples really were from each other, and since when a statement ran', () => {
    const samples = new LockSamples();
    for (const atMs of [100, 110, 125, 300]) {
      const one = { pid: 1, backendStart: 'a', startedMs: 95, isActive: true };
      const sql = `ALTER ROLE x PASSWORD 'hunter2'`;
      samples.add({ atMs, locks: [], statements: [{ ...one, sql }] });
    }
    const { sampleIntervalMs, statements, samples: count } = samples.result();
    expect([count, sampleIntervalMs]).toEqual([4, 15]);
    expect(statements).toEqual([
      { sql: `ALTER ROLE x PASSWORD '***'`, durationMs: 205, exact: false, line: null },
    ]);
    expect(new LockSamples().result('it was gone')).toEqual({
      ...{ samples: 0, sampleIntervalMs: null, locks: [], statements: [], problem: 'it was gone' },
    });
  });
});
