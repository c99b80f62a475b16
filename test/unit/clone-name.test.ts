import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cloneName,
  idFromCloneName,
  maxNameBytes,
  newSnapshotId,
  validateDatabaseName,
} from '../../src/domain/clone-name.js';

/** Any name that PostgreSQL can have: 1 to 63 bytes of UTF-8 without NUL. */
const databaseName = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 63 })
  .filter((name) => Buffer.byteLength(name) <= maxNameBytes && !name.includes('\0'));
const snapshotId = fc.string({
  unit: fc.constantFrom(...'0123456789abcdefghjkmnpqrstvwxyz'),
  minLength: 12,
  maxLength: 12,
});

describe('cloneName', () => {
  it('fits into a PostgreSQL name and gives the id back', () => {
    fc.assert(
      fc.property(databaseName, snapshotId, (target, id) => {
        const name = cloneName(target, id);
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(maxNameBytes);
        expect(idFromCloneName(target, name)).toBe(id);
        // No half character: what PostgreSQL stores reads back as it was.
        expect(Buffer.from(name).toString()).toBe(name);
      }),
    );
  });

  it('is another one for each target and each id', () => {
    fc.assert(
      fc.property(databaseName, databaseName, snapshotId, snapshotId, (a, b, x, y) => {
        if (a === b && x === y) return;
        expect(cloneName(a, x)).not.toBe(cloneName(b, y));
      }),
    );
  });

  it('is not taken for a clone of another target', () => {
    fc.assert(
      fc.property(databaseName, databaseName, snapshotId, (a, b, id) => {
        if (a === b) return;
        expect(idFromCloneName(b, cloneName(a, id))).toBeUndefined();
      }),
    );
  });

  it('keeps long names with the same beginning apart', () => {
    const [a, b] = ['customer_database_of_the_north', 'customer_database_of_the_south'].map(
      (name) => `${name}_${'x'.repeat(30)}`,
    ) as [string, string];
    expect(cloneName(a, '0123456789ab')).not.toBe(cloneName(b, '0123456789ab'));
  });
});

describe('idFromCloneName', () => {
  it.each([
    'shop',
    'shop_belay_',
    'shop_belay_0123456789ab',
    'shop_belay_0123456789abxxxx',
    'shop_belay_backup_of_friday',
    `x${cloneName('shop', '0123456789ab')}`,
    `${cloneName('shop', '0123456789ab')}0`,
  ])('%s is somebody else’s', (name) => {
    expect(idFromCloneName('shop', name)).toBeUndefined();
  });
});

describe('newSnapshotId', () => {
  it('has 12 characters that are easy to read out, and is new each time', () => {
    const ids = Array.from({ length: 1000 }, newSnapshotId);
    for (const id of ids) expect(id).toMatch(/^[0-9a-hjkmnp-tv-z]{12}$/);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('validateDatabaseName', () => {
  it.each(['a', '-x', 'a=b', 'we"ird', 'ä'.repeat(31), 'x'.repeat(63), ' ', 'line\nbreak'])(
    'accepts %j',
    (name) => {
      expect(validateDatabaseName(name)).toBe(name);
    },
  );

  it.each(['', 'a\0b', 'x'.repeat(64), 'ä'.repeat(32)])('refuses %j', (name) => {
    expect(() => validateDatabaseName(name)).toThrow(
      expect.objectContaining({ code: 'BAD_NAME', exitCode: 2 }),
    );
  });
});
