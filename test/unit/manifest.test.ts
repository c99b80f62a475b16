import { describe, expect, it } from 'vitest';
import {
  type ArchiveManifest,
  encodeManifest,
  notDrilled,
  parseManifest,
} from '../../src/domain/manifest.js';

const manifest: ArchiveManifest = {
  kind: 'archive',
  snapshot: {
    ...{
      id: 'k3v9x2m7qa4t',
      tag: 'pre-deploy',
      description: 'é "quoted"\n',
      reason: 'before-migration',
    },
    ...{ createdAt: '2026-11-21T07:45:31.120Z', git: null, parent: null, protectedUntil: null },
    target: { server: 'db:5432', database: 'shop' },
    fingerprint: {
      ...{ schemaChecksum: 'ab', tables: 1, rows: 3, rowCounts: { 'public.10': 3 }, sequences: {} },
    },
    ...{ sizeBytes: 10, durationMs: 5, serverVersion: 150018 },
  },
  cluster: '7301',
  archive: {
    ...{ key: 'shop/7301/archives/k3v9x2m7qa4t.dump', sizeBytes: 10, sha256: 'cd' },
    ...{ encryption: null, pgDump: '15.18', source: 'target' },
  },
  locale: {
    ...{
      encoding: 'UTF8',
      collate: 'C',
      ctype: 'C',
      provider: 'libc',
      locale: null,
      icuRules: null,
    },
  },
  properties: {
    ...{ owner: 'app', comment: null, connectionLimit: -1, isTemplate: false, grants: null },
    settings: [],
  },
  requires: { roles: [], tablespaces: [], extensions: [] },
  ...{
    portableChecksum: 'ef',
    movedSequences: {},
    contentHashes: null,
    drill: notDrilled,
    ledger: null,
  },
};

const text = () => Buffer.from(encodeManifest(manifest)).toString('utf8');
const parse = (json: string) => parseManifest(Buffer.from(json));

describe('a manifest', () => {
  it('is read back as it was written', () => {
    expect(parse(text())).toEqual({ type: 'manifest', manifest });
  });

  it.each([
    ['a row count', '"rows": 3', '"rows": 4'],
    ['the tag', '"tag": "pre-deploy"', '"tag": "pre-deplox"'],
    ['the hash of the archive', '"sha256": "cd"', '"sha256": "ce"'],
    ['the drill', '"status": "not-run"', '"status": "proven"'],
  ])('edited in %s is recognised', (_what, from, to) => {
    const edited = text().replace(from, to);
    expect(edited).not.toBe(text());
    expect(parse(edited)).toEqual({ type: 'broken', why: expect.stringContaining('edited') });
  });

  it('with a field added or taken away is recognised', () => {
    const document = JSON.parse(text());
    expect(parse(JSON.stringify({ added: 1, ...document })).type).toBe('broken');
    const { cluster: _, ...rest } = document;
    expect(parse(JSON.stringify(rest)).type).toBe('broken');
  });

  it('only laid out anew is the same', () => {
    expect(parse(JSON.stringify(JSON.parse(text()))).type).toBe('manifest');
  });

  it.each(['', '{', 'null', '[]', '{"belay":1}', text().slice(0, 200)])('is not %j', (json) => {
    expect(parse(json).type).toBe('broken');
  });

  it.each([2, 3])('of a later Belay is called that: format %i', (format) => {
    const later = `{"belay":${format},"kind":"archive"}`;
    expect(parse(later)).toEqual({ type: 'newer', format });
  });

  describe('of an archive with the rows of some tables', () => {
    const reference = { table: 'public.a', constraint: 'a_b_fkey', refersTo: 'public.b' };
    const part = {
      ...manifest,
      partial: { dataOf: ['public.a'], partitioned: {}, unchecked: [reference] },
    };
    const partText = () => Buffer.from(encodeManifest(part)).toString('utf8');

    it('is read back, and has a format that earlier readers refuse', () => {
      expect(parse(partText())).toEqual({ type: 'manifest', manifest: part });
      expect(JSON.parse(partText())).toMatchObject({ belay: 2 });
      expect(JSON.parse(text())).toMatchObject({ belay: 1 });
    });

    it('is not taken for one of the whole database, whatever is changed', () => {
      const { partial: _, ...whole } = JSON.parse(partText());
      expect(parse(JSON.stringify(whole)).type).not.toBe('manifest');
      expect(parse(JSON.stringify({ ...whole, belay: 1 })).type).toBe('broken');
      expect(parse(partText().replace('"belay": 2', '"belay": 1')).type).toBe('broken');
    });
  });
});
