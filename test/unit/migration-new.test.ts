import { describe, expect, it } from 'vitest';
import { migrationSlug, nextVersion } from '../../src/domain/migration-new.js';

describe('nextVersion', () => {
  const now = new Date('2026-11-20T10:30:00.500Z');

  it.each([
    [[], '20261120103000'],
    [['0001', '0002'], '0003'],
    [['9'], '10'],
    [['099'], '100'],
    [['20250101000000'], '20261120103000'],
    [['20261120103000'], '20261120103001'],
    [['20270101000000'], '20270101000001'],
    [['1.2'], '20261120103000'],
  ])('after %j: %s', (versions, expected) => {
    expect(nextVersion(versions, now)).toBe(expected);
  });
});

describe('migrationSlug', () => {
  it.each([
    ['add invoices', 'add_invoices'],
    ['AddInvoiceLines', 'add_invoice_lines'],
    ['../../etc/passwd', 'etc_passwd'],
    ['Größe', 'gro_e'],
    ['café', 'cafe'],
  ])('%s: %s', (name, slug) => {
    expect(migrationSlug(name)).toBe(slug);
  });

  it.each(['', '...', '日本', 'x'.repeat(101)])('refuses %j', (name) => {
    expect(() => migrationSlug(name)).toThrow(expect.objectContaining({ code: 'BAD_NAME' }));
  });
});
