import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  archiveKey,
  databasePrefix,
  drillKey,
  manifestKey,
  parseKey,
  placePrefix,
  protectionKey,
  runKey,
} from '../../src/domain/archive-keys.js';

const anyName = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 63 });
const id = 'k3v9x2m7qa4t';

describe('keys of a store', () => {
  it('hold the names they were made of, whatever these are', () => {
    fc.assert(
      fc.property(anyName, anyName, fc.boolean(), (database, cluster, encrypted) => {
        const place = { database, cluster };
        const key = archiveKey(place, id, encrypted);
        expect(parseKey(key)).toEqual({ place, kind: 'archive', id });
        expect(key.startsWith(placePrefix(place))).toBe(true);
        expect(key.startsWith(databasePrefix(database))).toBe(true);
      }),
    );
  });

  it('are safe as paths: no part is empty, "." or "..", and no name reaches another folder', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const parts = archiveKey({ database: name, cluster: name }, id, false).split('/');
        expect(parts).toHaveLength(4);
        for (const part of parts) expect(part).toMatch(/^[A-Za-z0-9_~-][A-Za-z0-9_.~-]*$/);
      }),
    );
  });

  it('tell two databases apart', () => {
    fc.assert(
      fc.property(anyName, anyName, (a, b) => {
        fc.pre(a !== b);
        expect(databasePrefix(a)).not.toBe(databasePrefix(b));
        expect(databasePrefix(a).startsWith(databasePrefix(b))).toBe(false);
      }),
    );
  });

  it.each(['.', '..', 'ledger', 'a/b', 'ledger~head.json'])(
    'a database named %j is no other place',
    (name) => {
      const [first] = databasePrefix(name).split('/');
      expect(['.', '..', 'ledger', 'ledger~head.json']).not.toContain(first);
      expect(databasePrefix(name).split('/')).toHaveLength(2);
    },
  );

  it('of every kind are read back', () => {
    const place = { database: 'shop', cluster: '7301' };
    expect(parseKey(manifestKey(place, 'feature/a-1'))).toEqual({
      ...{ place, kind: 'manifest', tag: 'feature/a-1' },
    });
    expect(parseKey(drillKey(place, id, '2026-11-21T07:45:31.120Z', 'failed'))).toEqual({
      ...{ place, kind: 'drill', id, status: 'failed' },
    });
    expect(parseKey(protectionKey(place, id))).toEqual({ place, kind: 'protection', id });
    expect(parseKey(runKey(place, id))).toEqual({ place, kind: 'run', id });
  });

  it.each([
    'belay-store.json',
    'ledger/000000000001.json',
    'shop/7301/other/k3v9x2m7qa4t.dump',
    'shop/7301/archives/k3v9x2m7qa4t.dump.lock',
    'shop/7301/archives/short.dump',
    'shop/7301/manifests/a/b.json',
  ])('%s is nothing of an archive', (key) => {
    expect(parseKey(key)).toBeUndefined();
  });
});
