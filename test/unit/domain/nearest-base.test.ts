import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BaseCandidate, nearestBase } from '../../../src/domain/nearest-base.js';

const migration = (version: string, checksum: string | null = version) => ({
  ...{ version, name: '', checksum },
});
const file = (version: string) => ({ version, name: '', checksum: version });
const candidate = (
  from: string,
  versions: readonly string[],
  kind: BaseCandidate['kind'] = 'branch',
  at = '2026-01-01',
): BaseCandidate => ({ from, kind, applied: versions.map((one) => migration(one)), at });

describe('nearestBase', () => {
  it.each([
    ['the live target where all are equally near', ['live:1', 'a:1'], ['1', '2'], 'live'],
    ['the one with the most migrations', ['live:1', 'a:12', 'b:1'], ['1', '2', '3'], 'a'],
    ['none with a migration that the files lack', ['live:1', 'a:129'], ['1', '2'], 'live'],
    ['an older one where the live target has too much', ['live:123', 'a:1'], ['1', '2'], 'a'],
    ['the live target where nothing fits', ['live:9', 'a:8'], ['1'], 'live'],
  ])('takes %s', (_what, written, files, expected) => {
    const candidates = written.map((text) => {
      const [name = '', versions = ''] = text.split(':');
      return candidate(name, [...versions], name === 'live' ? 'live' : 'branch');
    });
    expect(nearestBase(candidates, files.map(file))?.candidate.from).toBe(expected);
  });

  it('prefers a branch to a snapshot, and of two the newer one', () => {
    const candidates = [
      candidate('live', ['9'], 'live'),
      candidate('snapshot:s', ['1'], 'snapshot', '2026-03-01'),
      candidate('branch:old', ['1']),
      candidate('branch:new', ['1'], 'branch', '2026-02-01'),
    ];
    expect(nearestBase(candidates, [file('1')])?.candidate.from).toBe('branch:new');
  });

  it('takes a file that was changed after it was applied for another one', () => {
    const changed = { ...candidate('a', ['1']), applied: [migration('1', 'other')] };
    const unknown = { ...candidate('b', ['1']), applied: [migration('1', null)] };
    expect(nearestBase([changed], [file('1')])?.foreign).toEqual(['1']);
    expect(nearestBase([unknown], [file('1')])?.foreign).toEqual([]);
  });

  it('has nothing to choose from nothing', () => {
    expect(nearestBase([], [file('1')])).toBeNull();
  });

  it('never takes a longer way than another ancestor has', () => {
    const versions = fc.uniqueArray(fc.constantFrom(...'12345678'), { maxLength: 8 });
    fc.assert(
      fc.property(
        versions,
        fc.array(versions, { minLength: 1, maxLength: 6 }),
        (files, applied) => {
          const candidates = applied.map((one, index) =>
            candidate(`c${index}`, one, index === 0 ? 'live' : 'branch'),
          );
          const best = nearestBase(candidates, files.map(file));
          const ancestors = applied.filter((one) =>
            one.every((version) => files.includes(version)),
          );
          const most = Math.max(-1, ...ancestors.map((one) => one.length));
          if (most < 0) return best?.candidate.kind === 'live' && best.foreign.length > 0;
          return best?.foreign.length === 0 && best.candidate.applied.length === most;
        },
      ),
    );
  });
});
