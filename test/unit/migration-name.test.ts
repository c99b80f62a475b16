import { describe, expect, it } from 'vitest';
import { compareVersions, versionBeforeFirst } from '../../src/domain/migration.js';
import { versionsOfNames } from '../../src/domain/migration-name.js';

const versions = (names: readonly string[], known?: ReturnType<typeof versionsOfNames>) =>
  [...versionsOfNames(names, known)].map(([whole, { version, name }]) => [whole, version, name]);

describe('versionsOfNames', () => {
  it('splits a name after its number', () => {
    expect(versions(['20261120103000_add_invoices', '0007_x', '12', 'seed', '1-dash'])).toEqual([
      ['20261120103000_add_invoices', '20261120103000', 'add_invoices'],
      ['0007_x', '0007', 'x'],
      ['12', '12', ''],
      ['seed', 'seed', ''],
      ['1-dash', '1-dash', ''],
    ]);
  });

  it('gives a second name with the same number a version of its own', () => {
    expect(versions(['1_users', '1_items'])).toEqual([
      ['1_users', '1', 'users'],
      ['1_items', '1_items', ''],
    ]);
    expect(compareVersions('1', '1_items')).toBeLessThan(0);
  });

  it('takes no name for the state before the first migration', () => {
    expect(versions(['0_init', '1_users'])).toEqual([
      ['0_init', '0_init', ''],
      ['1_users', '1', 'users'],
    ]);
    expect(compareVersions(versionBeforeFirst, '0_init')).toBeLessThan(0);
    expect(compareVersions('0_init', '1')).toBeLessThan(0);
  });

  it('keeps what is known', () => {
    const known = versionsOfNames(['1_items']);
    expect(versions(['1_users', '1_items'], known)).toEqual([
      ['1_items', '1', 'items'],
      ['1_users', '1_users', ''],
    ]);
  });
});
