import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, HistoryChain, sealEntry } from '../../src/domain/history-chain.js';
import { checksumsToKeep } from '../../src/domain/history-retention.js';
import { versionChecksum } from '../../src/domain/schema-model.js';
import { decodeStoredModel, encodeStoredModel } from '../../src/domain/stored-model.js';
import { historyOf, sampleModel } from '../support/sample-history.js';

const withCode = (code: string) => expect.objectContaining({ code });

describe('canonical JSON', () => {
  it('is ASCII with sorted keys, and says the same', () => {
    expect(canonicalJson({ b: 'é😀\u007f', a: [{ d: 1, c: null }] })).toBe(
      '{"a":[{"c":null,"d":1}],"b":"\\u00e9\\ud83d\\ude00\\u007f"}',
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value);
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
        expect(canonicalJson(JSON.parse(text))).toBe(text);
        expect(text).toMatch(/^[\x20-\x7e]*$/);
      }),
    );
  });
});

describe('the chain of a history', () => {
  const sealed: ReturnType<typeof sealEntry>[] = [];
  for (const { hash: _, ...entry } of historyOf([['1']], [['1', '2']], [['1', '2', '3']])) {
    sealed.push(sealEntry(entry, sealed.at(-1)?.hash ?? null));
  }
  const follow = (entries: readonly (typeof sealed)[number][]) => () => {
    const chain = new HistoryChain('history');
    for (const entry of entries) chain.add(entry);
    return chain.entries;
  };

  it('gives the entries with their hashes', () => {
    expect(follow(sealed)().map(({ version, hash }) => [version, hash])).toEqual(
      sealed.map(({ hash }, index) => [`${index + 1}`, hash]),
    );
  });

  it('notices any change of any field', () => {
    const names = Object.keys(JSON.parse(sealed[1]?.text ?? ''));
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) {
      const text = canonicalJson({ ...JSON.parse(sealed[1]?.text ?? ''), [name]: 'x' });
      const edited = sealed.map((one, index) => (index === 1 ? { ...one, text } : one));
      expect(follow(edited)).toThrow(withCode('HISTORY_DAMAGED'));
    }
  });

  it('notices entries that are missing, twice, in another order, or no entries', () => {
    const [one, two, three] = sealed as [
      (typeof sealed)[number],
      (typeof sealed)[number],
      (typeof sealed)[number],
    ];
    const wrong = [
      ...[
        [one, three],
        [two, three],
        [one, one],
        [two, one],
      ],
      ...[[one, { ...three, number: 2 }], [{ ...one, text: '[]' }], [{ ...one, text: '{' }]],
    ];
    for (const entries of wrong) expect(follow(entries)).toThrow(withCode('HISTORY_DAMAGED'));
  });
});

describe('the bytes of a model', () => {
  const model = { ...sampleModel('é', 'b'), unmodelled: ['conversion public.c'] };
  const checksum = versionChecksum(model);
  const documentOf = (bytes: Uint8Array) => JSON.parse(gunzipSync(bytes).toString());
  const packed = (document: unknown) => gzipSync(JSON.stringify(document));

  it('give the model back', () => {
    expect(decodeStoredModel(encodeStoredModel(model), checksum, 'store')).toEqual(model);
  });

  it('are small', () => {
    const large = sampleModel(...Array.from({ length: 2000 }, (_, index) => `table_${index}`));
    const { length } = encodeStoredModel(large);
    expect(length).toBeLessThan(JSON.stringify(large).length / 5);
  });

  it.each([
    ['another schema', encodeStoredModel(sampleModel('c'))],
    ['no model', packed({ belay: 1, model: { format: 1, objects: [{ kind: 'table' }] } })],
    ['null', packed(null)],
    ['no gzip', Buffer.from('{}')],
    ['nothing', Buffer.alloc(0)],
  ])('are refused where they are of %s', (_what, bytes) => {
    expect(() => decodeStoredModel(bytes, checksum, 'store')).toThrow(withCode('HISTORY_DAMAGED'));
  });

  it('are refused where a newer Belay has written them', () => {
    const document = documentOf(encodeStoredModel(model));
    const newer = [
      { ...document, belay: 2 },
      { ...document, model: { ...model, format: 2 } },
    ];
    for (const one of newer) {
      expect(() => decodeStoredModel(packed(one), checksum, 'store')).toThrow(
        withCode('NEWER_FORMAT'),
      );
    }
  });
});

describe('what is kept', () => {
  it('is what the last versions name, each counted once', () => {
    const entries = historyOf([['1']], [['1', '2']], [['1']], [['1', '3']], [['1']]);
    const checksums = (...states: string[][]) =>
      new Set(states.map((applied) => versionChecksum(sampleModel(...applied))));
    expect(checksumsToKeep(entries, 1)).toEqual(checksums(['1']));
    expect(checksumsToKeep(entries, 2)).toEqual(checksums(['1'], ['1', '3']));
    expect(checksumsToKeep(entries, 9)).toEqual(checksums(['1'], ['1', '3'], ['1', '2']));
    for (const keep of [0, -1, 1.5, Number.NaN]) {
      expect(() => checksumsToKeep(entries, keep)).toThrow(withCode('USAGE'));
    }
  });
});
