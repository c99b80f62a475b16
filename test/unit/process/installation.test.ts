import { describe, expect, it } from 'vitest';
import { chooseInstallation } from '../../../src/process/choose-installation.js';
import {
  isSupported,
  type PostgresInstallation,
  parseVersion,
  versionOrder,
} from '../../../src/process/installation.js';
import { safeLinks, shippedVersion } from '../../../src/process/shipped-postgres.js';

describe('parseVersion', () => {
  it.each([
    ['postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n', { version: '15.18', major: 15 }],
    ['pg_dump (PostgreSQL) 18.4', { version: '18.4', major: 18 }],
    ['postgres (PostgreSQL) 19beta2', { version: '19beta2', major: 19 }],
    ['postgres (EnterpriseDB Advanced Server) 15.1', null],
    ['', null],
  ])('%j', (text, expected) => {
    expect(parseVersion(text)).toEqual(expected);
  });

  it('knows what is supported, and that 15.9 is older than 15.18', () => {
    expect([13, 14, 18, 19].map(isSupported)).toEqual([false, true, true, false]);
    expect(versionOrder('15.9')).toBeLessThan(versionOrder('15.18'));
    expect(versionOrder('15.18')).toBeLessThan(versionOrder('16.0'));
  });
});

describe('chooseInstallation', () => {
  const one = (major: number): PostgresInstallation => ({
    source: 'debian',
    binDir: `/pg/${major}`,
    version: `${major}.1`,
    major,
    hasClientTools: true,
  });
  const all = [one(16), one(18), one(15)];

  it('takes the first, the one that is asked for, or the one that the data needs', () => {
    expect(chooseInstallation(all, { dataMajor: null, major: undefined }).major).toBe(16);
    expect(chooseInstallation(all, { dataMajor: null, major: 18 }).major).toBe(18);
    expect(chooseInstallation(all, { dataMajor: 15, major: undefined }).major).toBe(15);
  });

  it.each([
    [[], null, undefined, 'POSTGRES_NOT_FOUND', 'no PostgreSQL 14 to 18'],
    [all, null, 17, 'POSTGRES_NOT_FOUND', 'no PostgreSQL 17'],
    [all, 14, undefined, 'POSTGRES_NOT_FOUND', 'which the local data needs'],
    [all, 15, 18, 'USAGE', 'is of PostgreSQL 15, not 18'],
  ])('refuses the rest', (installations, dataMajor, major, code, message) => {
    expect(() => chooseInstallation(installations, { dataMajor, major })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(message) }),
    );
  });
});

describe('the server from npm', () => {
  it.each([
    ['18.4.0-beta.17', { version: '18.4', major: 18 }],
    ['15.18.0', { version: '15.18', major: 15 }],
    ['next', null],
  ])('version of %s', (text, expected) => {
    expect(shippedVersion(text)).toEqual(expected);
  });

  it('links only what stays in its folder', () => {
    const good = { source: 'native/lib/libpq.so.5.18', target: 'native/lib/libpq.so.5' };
    const bad = [
      { source: 'native/lib/x', target: 'native/lib/../../../etc/x' },
      { source: '/etc/passwd', target: 'native/lib/x' },
      { source: 'native/lib/x', target: '/etc/x' },
      { source: 'native/lib/x', target: 'native/bin/x' },
      { source: 'native/lib/x' },
      null,
    ];
    expect(safeLinks(JSON.stringify([...bad, good]))).toEqual([good]);
    expect(safeLinks('{}')).toEqual([]);
  });
});
