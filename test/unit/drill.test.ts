import { describe, expect, it } from 'vitest';
import { compareRestored, type Expectation, type Restored } from '../../src/domain/drill.js';
import {
  portableChecksum,
  type SchemaModel,
  schemaChecksum,
} from '../../src/domain/schema-model.js';

const table = (definition: string): SchemaModel => ({
  format: 1,
  objects: [{ kind: 'table', name: 'public.t', definition }],
});

function fingerprint(model: SchemaModel, rows = 3, lastValue = '3') {
  return {
    ...{ schemaChecksum: schemaChecksum(model), tables: 1, rows, rowCounts: { 'public.t': rows } },
    sequences: { 'public.s': { lastValue, isCalled: true } },
  };
}

const model = table('owner: app\nkind: plain');
const expected: Expectation = {
  fingerprint: fingerprint(model),
  ...{ model, movedSequences: {}, contentHashes: { 'public.t': 'aa' } },
};
const restored: Restored = {
  fingerprint: fingerprint(model),
  ...{ model, contentHashes: { 'public.t': 'aa' } },
};

describe('what a drill compares', () => {
  it('finds nothing in an equal copy', () => {
    expect(compareRestored(expected, restored)).toEqual([]);
  });

  it('names a table with other rows', () => {
    const actual = { ...restored, fingerprint: fingerprint(model, 2) };
    expect(compareRestored(expected, actual)).toEqual([
      { what: 'rows', name: 'public.t', expected: '3', actual: '2' },
    ]);
  });

  it('names the object whose definition differs, an owner too', () => {
    const other = table('owner: somebody\nkind: plain');
    const actual = { ...restored, model: other, fingerprint: fingerprint(other) };
    expect(compareRestored(expected, actual)).toEqual([
      expect.objectContaining({ what: 'schema', name: 'table public.t' }),
    ]);
  });

  it('finds content that counts do not', () => {
    const actual = { ...restored, contentHashes: { 'public.t': 'bb' } };
    expect(compareRestored(expected, actual)).toEqual([
      { what: 'content', name: 'public.t', expected: 'aa', actual: 'bb' },
    ]);
  });

  it.each([
    ['3', true],
    ['7', true],
    ['9', true],
    ['2', false],
    ['10', false],
    ['9007199254740993', false],
  ])('a sequence that moved from 3 to 9 may stand at %s: %s', (at, isRight) => {
    const movedSequences = { 'public.s': { from: '3', to: '9' } };
    const actual = { ...restored, fingerprint: fingerprint(model, 3, at) };
    const differences = compareRestored({ ...expected, movedSequences }, actual);
    expect(differences.length === 0).toBe(isRight);
  });

  it('a sequence that did not move has to stand where it stood', () => {
    const actual = { ...restored, fingerprint: fingerprint(model, 3, '4') };
    expect(compareRestored(expected, actual)).toHaveLength(1);
  });
});

describe('portableChecksum', () => {
  const checksum = (definition: string) => portableChecksum(table(definition));

  it('leaves owners and grants out, and nothing else', () => {
    const plain = checksum('kind: plain');
    expect(checksum('owner: app\nkind: plain\ngrants:\n  - bob: SELECT')).toBe(plain);
    expect(checksum('owner: app\nkind: other')).not.toBe(plain);
  });
});
