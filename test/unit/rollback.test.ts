import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AppliedVersion, HistoryEntry } from '../../src/domain/history.js';
import type { MigrationScript } from '../../src/domain/migration.js';
import { keptMigrations, routeBack } from '../../src/domain/rollback.js';
import { issueOf, severalColumns } from '../../src/domain/rollback-issues.js';

const applied = (...versions: string[]): AppliedVersion[] =>
  versions.map((version) => ({ version, name: `m${version}` }));

const script = (version: string): MigrationScript => ({
  ...{ file: `${version}/down.sql`, line: 1, sql: 'SELECT 1', inTransaction: true },
});

/** An entry for the state in which just these versions are in force; its checksum names them. */
function state(versions: readonly string[], more: Partial<HistoryEntry> = {}): HistoryEntry {
  const version = versions.at(-1) ?? '0';
  return {
    ...{
      number: 1,
      at: '2026-11-21T00:00:00.000Z',
      hash: '',
      action: 'up',
      name: '',
      tool: 'belay',
    },
    ...{ version, from: null, applied: applied(...versions), checksum: versions.join('+') },
    ...{ partial: false, fileChecksum: null, up: null, down: null, renames: [], git: null },
    ...{ durationMs: null, snapshotId: null, actor: { role: '', user: '', host: '' }, ...more },
  };
}

const always = () => true;
const never = () => null;

describe('the way back', () => {
  const entries = [state([]), state(['1']), state(['1', '2']), state(['1', '2', '3'])];
  const base = { entries, applied: applied('1', '2', '3') };

  it('goes through the down scripts, newest first', () => {
    const route = routeBack({ ...base, keep: 1, downOf: script, isKept: always });
    expect(route).toMatchObject({
      steps: [
        {
          migrations: [{ version: '3' }],
          to: '2',
          checksum: '1+2',
          script: { file: '3/down.sql' },
        },
        { migrations: [{ version: '2' }], to: '1', checksum: '1', script: { file: '2/down.sql' } },
      ],
    });
  });

  it('goes to the recorded schema where there is no script', () => {
    const route = routeBack({ ...base, keep: 0, downOf: never, isKept: always });
    expect(route).toMatchObject({
      steps: [{ to: '2' }, { to: '1' }, { to: '0', checksum: '', applied: [] }],
    });
  });

  it('goes over states whose schema is not kept in one step', () => {
    const isKept = (checksum: string) => checksum === '1';
    expect(routeBack({ ...base, keep: 1, downOf: never, isKept })).toMatchObject({
      steps: [{ migrations: [{ version: '3' }, { version: '2' }], to: '1', script: null }],
    });
  });

  it('names the migrations from which there is none', () => {
    const downOf = (version: string) => (version === '3' ? script(version) : null);
    expect(routeBack({ ...base, keep: 0, downOf, isKept: () => false })).toEqual({
      noWayFrom: [
        { version: '2', name: 'm2' },
        { version: '1', name: 'm1' },
      ],
    });
  });

  it('renames back what the migration renamed', () => {
    const renamed = state(['1'], {
      renames: [
        { object: 'table', from: 'public.a', to: 'public.b' },
        { object: 'column', from: 'public.b.x', to: 'public.b.y' },
      ],
    });
    const input = { entries: [state([]), renamed], applied: applied('1'), keep: 0 };
    expect(routeBack({ ...input, downOf: never, isKept: always })).toMatchObject({
      steps: [
        {
          renames: [
            { object: 'column', from: 'public.b.y', to: 'public.b.x' },
            { object: 'table', from: 'public.b', to: 'public.a' },
          ],
        },
      ],
    });
  });

  it('takes back every migration once, whatever has a script or a schema', () => {
    const cases = fc.record({
      count: fc.integer({ min: 1, max: 12 }),
      scripts: fc.array(fc.boolean(), { minLength: 12, maxLength: 12 }),
      kept: fc.array(fc.boolean(), { minLength: 13, maxLength: 13 }),
      keep: fc.nat(11),
    });
    fc.assert(
      fc.property(cases, ({ count, scripts, kept, keep }) => {
        const versions = Array.from({ length: count }, (_, index) => String(index + 1));
        const all = versions.map((_, index) => state(versions.slice(0, index + 1)));
        const isKept = (checksum: string) =>
          kept[checksum === '' ? 0 : checksum.split('+').length] ?? false;
        const stay = Math.min(keep, count);
        const route = routeBack({
          ...{ entries: [state([]), ...all], applied: applied(...versions), keep: stay, isKept },
          downOf: (version) => (scripts[Number(version) - 1] ? script(version) : null),
        });
        if (!('steps' in route)) {
          expect(route.noWayFrom.length).toBeGreaterThan(0);
          return;
        }
        const taken = route.steps.flatMap(({ migrations }) => migrations.map((one) => one.version));
        expect(taken).toEqual(versions.slice(stay).reverse());
        for (const step of route.steps) {
          if (!step.script) expect(isKept(step.checksum ?? '?')).toBe(true);
          else expect(step.migrations).toHaveLength(1);
        }
      }),
    );
  });

  it('knows a version by itself, by its number and by its name', () => {
    const some = applied('0001', '0002', '0010');
    expect(['0002', '2', '0002_m0002'].map((one) => keptMigrations(some, one))).toEqual([2, 2, 2]);
    expect(['0', '10', '3', '1_x'].map((one) => keptMigrations(some, one))).toEqual([
      0,
      3,
      undefined,
      undefined,
    ]);
  });
});

describe('what a rollback loses, in words', () => {
  const gone = (name: string) => ({
    ...({ kind: 'removed', object: 'column', name, detail: '', safety: 'DATA_LOSS' } as const),
    ...{ reason: 'the column goes with its values' },
    measure: { what: 'values', table: 'public.t', column: 'a' } as const,
  });

  it('says how many values go, and that a column is empty', () => {
    const counted = issueOf('2', gone('public.t.a'), { count: 1234, total: 5678, unknown: null });
    expect(counted.rowsLost).toBe(1234);
    expect(counted.description).toContain('1,234 values in 5,678 rows');
    const empty = issueOf('2', gone('public.t.a'), { count: 0, total: 5678, unknown: null });
    expect(empty).toMatchObject({ rowsLost: 0, safety: 'DATA_LOSS' });
    expect(empty.description).toContain('it is empty in all 5,678 rows');
  });

  it('says why it does not know', () => {
    const counted = { count: null, total: null, unknown: 'counting took too long' };
    const issue = issueOf('2', gone('public.t.a'), counted);
    expect(issue.rowsLost).toBeNull();
    expect(issue.description).toContain('counting took too long');
  });

  it('several columns at once are UNSAFE', () => {
    expect(severalColumns('2', [gone('public.t.a'), gone('public.t.b')])?.safety).toBe('UNSAFE');
    expect(severalColumns('2', [gone('public.t.a')])).toBeUndefined();
  });
});
