import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BranchRecord, isBranchProtected, isExpired } from '../../src/domain/branch.js';
import { encodeBranchRecord, parseBranchRecord } from '../../src/domain/branch-record.js';
import { recordFormat } from '../../src/domain/record.js';

const record: BranchRecord = {
  ...{ kind: 'branch', id: 'k3v9x1y2z3a4', name: 'feature/Größe "x"\n', isolation: 'database' },
  ...{ purpose: 'manual', root: { server: '127.0.0.1:5432', database: 'shop' } },
  ...{ database: 'shop_x', schema: null, sourceSchema: null, git: null },
  base: {
    ...{ kind: 'live', name: 'live', snapshotId: 's1', isAutomatic: true, database: 'shop' },
    at: '2026-11-22T01:00:00.000Z',
  },
  ...{ createdAt: '2026-11-22T01:00:00.000Z', resetAt: null, lastUsedAt: null },
  ...{ expiresAt: '2026-11-23T01:00:00.000Z', protectedUntil: null },
};
const text = encodeBranchRecord(record);
const changed = (change: object) => JSON.stringify({ ...JSON.parse(text), ...change });

describe('the record of a branch', () => {
  it('comes back as it was written, and says its format', () => {
    expect(parseBranchRecord(text)).toEqual({ type: 'record', record });
    expect(JSON.parse(text).belay).toBe(recordFormat);
  });

  it('of a later Belay is told apart', () => {
    const format = recordFormat + 1;
    expect(parseBranchRecord(changed({ belay: format, isolation: 'new-kind' }))).toEqual({
      type: 'newer',
      format,
    });
  });

  it.each([
    null,
    '',
    'the team’s database',
    '{"belay":',
    '{"belay":1}',
    '{"belay":1,"kind":"snapshot"}',
    changed({ kind: 'snapshot' }),
    changed({ isolation: 'moon' }),
    changed({ root: null }),
    changed({ base: null }),
    changed({ name: 7 }),
    changed({ belay: '1' }),
    ` ${text}`,
  ])('is not %j', (comment) => {
    expect(parseBranchRecord(comment)).toEqual({ type: 'foreign' });
  });

  it('never throws, whatever people write into comments', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.jsonValue().map((v) => `{"belay":1,"x":${JSON.stringify(v)}}`),
        ),
        (comment) => {
          expect(parseBranchRecord(comment).type).toBe('foreign');
        },
      ),
    );
    fc.assert(
      fc.property(fc.nat(text.length), (end) => {
        expect(['foreign', 'record']).toContain(parseBranchRecord(text.slice(0, end)).type);
      }),
    );
  });
});

describe('the lifetime of a branch', () => {
  const at = (time: string) => new Date(time);
  it('is over at the very moment it ends', () => {
    expect(isExpired(record, at('2026-11-23T00:59:59.999Z'))).toBe(false);
    expect(isExpired(record, at('2026-11-23T01:00:00.000Z'))).toBe(true);
    expect(isExpired({ expiresAt: null }, at('9999-01-01T00:00:00.000Z'))).toBe(false);
  });

  it('protection ends too', () => {
    const protectedUntil = '2026-11-23T01:00:00.000Z';
    expect(isBranchProtected({ protectedUntil }, at('2026-11-23T00:59:59.999Z'))).toBe(true);
    expect(isBranchProtected({ protectedUntil }, at('2026-11-23T01:00:00.000Z'))).toBe(false);
    expect(isBranchProtected(record, at('2026-11-20T00:00:00.000Z'))).toBe(false);
  });
});
