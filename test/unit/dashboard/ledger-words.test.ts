import { describe, expect, it } from 'vitest';
import { entryMatches, whoDid } from '../../../dashboard/src/parts/ledger-words.js';
import type { LedgerEntry } from '../../../src/domain/ledger.js';

const entry: LedgerEntry = {
  ...{ belay: 1, number: 12, previous: null, at: '2026-11-20T10:00:00.000Z', nonce: 'n' },
  ...{ action: 'restore', outcome: 'done', rows: 3, target: null },
  snapshot: { id: 'q8e0sd15t34z', tag: 'Baseline' },
  details: { into: 'shop_test' },
  actor: {
    ...{ user: 'deploy', host: 'build-1', version: '0.1.0' },
    onBehalfOf: 'person ada (per_1)',
  },
};

describe('an entry of the ledger', () => {
  it('names who asked, and where it ran', () => {
    expect(whoDid(entry)).toBe('person ada (per_1), by deploy on build-1');
    const { onBehalfOf: _, ...alone } = entry.actor;
    expect(whoDid({ actor: alone })).toBe('deploy on build-1');
  });

  it.each([
    ['', true],
    ['baseline', true],
    ['RESTORE ada', true],
    ['12', true],
    ['shop_test', true],
    ['restore nobody', false],
  ])('searched for "%s": %s', (search, isFound) => {
    expect(entryMatches(entry, search)).toBe(isFound);
  });
});
