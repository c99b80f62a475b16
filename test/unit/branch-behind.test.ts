import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { behindState, compareWithTarget } from '../../src/domain/branch-behind.js';
import type { AppliedMigration, MigrationFile } from '../../src/domain/migration.js';

const applied = (...versions: string[]): AppliedMigration[] =>
  versions.map((text) => {
    const [version = '', checksum = version] = text.split('=');
    return { version, name: 'x', appliedAt: null, checksum, up: null, down: null };
  });

const files = (...versions: string[]): MigrationFile[] =>
  versions.map((text) => {
    const [version = '', checksum = version] = text.split('=');
    return { version, name: 'x', up: null, down: null, checksum };
  });

const versionsOf = (all: readonly { version: string }[]) => all.map(({ version }) => version);

function compare(
  here: string[],
  there: string[],
  main: string[] = [],
  own: string[] | null = null,
) {
  const behind = compareWithTarget({
    ...{ applied: applied(...here), target: applied(...there) },
    ...{ main: files(...main), own: own && files(...own) },
  });
  const { missing, ahead, changed, pending } = behind;
  return {
    state: behindState(behind),
    missing: versionsOf(missing).join(),
    ahead: versionsOf(ahead).join(),
    changed: changed.map(({ version, from }) => `${version} ${from}`).join(),
    pending: versionsOf(pending).join(),
  };
}

const same = { state: 'current', missing: '', ahead: '', changed: '', pending: '' };

describe('compareWithTarget', () => {
  it.each<[string, ReturnType<typeof compare>, object]>([
    ['nothing anywhere', compare([], []), same],
    ['the same', compare(['1', '2'], ['1', '2'], ['1', '2']), same],
    ['the target has more', compare(['1'], ['1', '2']), { state: 'behind', missing: '2' }],
    ['main has more', compare(['1'], ['1'], ['1', '2']), { state: 'behind', missing: '2' }],
    ['the branch has more', compare(['1', '3'], ['1']), { state: 'ahead', ahead: '3' }],
    [
      'each has its own',
      compare(['1', '3'], ['1', '2'], ['1', '2', '4']),
      { state: 'diverged', missing: '2,4', ahead: '3' },
    ],
    [
      'what is ahead of the target is no work of its own where main has it',
      compare(['1', '2'], ['1'], ['1', '2', '3']),
      { state: 'behind', missing: '3', ahead: '2' },
    ],
    [
      'applied in another form there',
      compare(['1=a'], ['1=b']),
      { state: 'current', changed: '1 target' },
    ],
    [
      'a file that was changed since',
      compare(['1=a'], ['1=a'], [], ['1=b']),
      { state: 'current', changed: '1 files' },
    ],
    [
      'own files that are not applied',
      compare(['1'], ['1', '2'], ['1', '2'], ['1', '2', '3']),
      { state: 'behind', missing: '2', pending: '3' },
    ],
    ['the order of the files', compare([], ['10', '9'], ['9', '10', '11']), { missing: '9,10,11' }],
  ])('%s', (_, found, expected) => {
    expect(found).toMatchObject(expected);
  });

  it('says where each missing one is', () => {
    const { missing } = compareWithTarget({
      ...{ applied: [], target: applied('1', '2'), main: files('2', '3'), own: null },
    });
    expect(
      missing.map(({ version, isApplied, isInMain }) => [version, isApplied, isInMain]),
    ).toEqual([
      ['2', true, true],
      ['3', false, true],
      ['1', true, false],
    ]);
  });

  it('makes of both the same, if the branch gets what it lacks and the target what the branch has', () => {
    const some = fc.uniqueArray(fc.nat(20).map(String));
    fc.assert(
      fc.property(some, some, some, (here, there, main) => {
        const first = compareWithTarget({
          ...{ applied: applied(...here), target: applied(...there), main: files(...main) },
          own: null,
        });
        const both = [...here, ...versionsOf(first.missing)];
        expect(new Set(both)).toEqual(new Set([...here, ...there, ...main]));
        expect(both).toHaveLength(new Set(both).size);
        expect(compare(both, both, main)).toEqual(same);
      }),
    );
  });
});
