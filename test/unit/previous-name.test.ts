import { describe, expect, it } from 'vitest';
import { previousName } from '../../src/domain/previous-name.js';

describe('the name of a database that a shadow has replaced', () => {
  const at = new Date('2026-11-21T23:59:59Z');

  it('has the day, and a number where that is taken', () => {
    expect(previousName('shop', at, new Set())).toBe('shop_old_20261121');
    const taken = new Set(['shop_old_20261121', 'shop_old_20261121_2']);
    expect(previousName('shop', at, taken)).toBe('shop_old_20261121_3');
  });

  it('fits into 63 bytes, and two long names never meet', () => {
    const long = 'ü'.repeat(31);
    const [one, other] = [`${long}a`, `${long}b`].map((name) => previousName(name, at, new Set()));
    for (const name of [one, other]) expect(Buffer.byteLength(name ?? '')).toBeLessThanOrEqual(63);
    expect(one).not.toBe(other);
    expect(one).toMatch(/_old_20261121$/);
    expect(one).not.toContain('�');
  });
});
