import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ConnectionSettings,
  connectionUrl,
  describeServer,
  isLocalServer,
  resolveConnection,
} from '../../../src/postgres/settings.js';

const plain: ConnectionSettings = {
  hosts: [{ host: 'db', port: 5432 }],
  user: 'app',
  database: 'shop',
  ssl: { mode: 'prefer' },
  connectTimeoutMs: 10_000,
};

const name = fc
  .string({ unit: 'binary', minLength: 1, maxLength: 63 })
  .filter((text) => !/\p{Surrogate}|\0/u.test(text));
const port = fc.integer({ min: 1, max: 65535 });
const hostName = fc.oneof(
  fc.domain(),
  fc.ipV4(),
  fc.constantFrom('::1', 'fe80::1:2', 'localhost', 'with space'),
);
const host = fc.record({ host: hostName, port });
const socket = name
  .filter((text) => !text.includes(','))
  .map((text) => `/run/${text}`)
  .chain((directory) => fc.record({ host: fc.constant(directory), port }));

const settings: fc.Arbitrary<ConnectionSettings> = fc
  .record(
    {
      hosts: fc.oneof(fc.array(host, { minLength: 1, maxLength: 3 }), fc.tuple(socket)),
      user: name,
      database: name,
      password: name,
      ssl: fc.record({
        mode: fc.constantFrom('disable', 'allow', 'prefer', 'require', 'verify-full'),
      }),
      connectTimeoutMs: fc.integer({ min: 0, max: 9999 }).map((seconds) => seconds * 1000),
      options: name,
      targetSessionAttributes: fc.constantFrom('read-write', 'primary', 'standby', 'read-only'),
    } as const,
    { requiredKeys: ['hosts', 'user', 'database', 'ssl', 'connectTimeoutMs'] },
  )
  .map((value) => value as ConnectionSettings);

/** What resolving adds by itself for sslmode=verify-full. */
function withDefaults(value: ConnectionSettings): ConnectionSettings {
  const usesTls = value.hosts.some(({ host: one }) => !one.startsWith('/'));
  return value.ssl.mode === 'verify-full' && usesTls
    ? { ...value, ssl: { ...value.ssl, rootCertFile: 'system' } }
    : value;
}

const env = { HOME: '/nonexistent' };

describe('connectionUrl', () => {
  it('gives back, when resolved, what it was made from', async () => {
    await fc.assert(
      fc.asyncProperty(settings, async (value) => {
        const url = connectionUrl(value, { withPassword: true });
        expect(await resolveConnection({ url, env })).toEqual(withDefaults(value));
      }),
      { numRuns: 500 },
    );
  });

  it('is a URL for every URL parser, with one host', () => {
    fc.assert(
      fc.property(settings, (value) => {
        const one = { ...value, hosts: value.hosts.slice(0, 1) };
        fc.pre(one.hosts[0]?.host !== 'with space');
        const url = new URL(connectionUrl(one, { withPassword: true }));
        expect(decodeURIComponent(url.username)).toBe(value.user);
        expect(decodeURIComponent(url.pathname.slice(1))).toBe(value.database);
      }),
      { numRuns: 300 },
    );
  });

  it('never holds the password unless it is asked for', () => {
    const url = connectionUrl({ ...plain, password: 'hunter2' });
    expect(url).toBe('postgresql://app@db:5432/shop');
  });

  it('takes another database', () => {
    expect(connectionUrl(plain, { database: 'a/b?c' })).toBe('postgresql://app@db:5432/a%2Fb%3Fc');
  });
});

describe('describeServer', () => {
  it.each([
    ['db', 'db:5432'],
    ['::1', '[::1]:5432'],
    ['/run/pg', '/run/pg:5432'],
  ])('%s', (one, expected) => {
    expect(describeServer({ ...plain, hosts: [{ host: one, port: 5432 }] })).toBe(expected);
  });
});

describe('isLocalServer', () => {
  const isLocal = (...hosts: { host: string; address?: string }[]) =>
    isLocalServer({ ...plain, hosts: hosts.map((one) => ({ ...one, port: 5432 })) });

  it.each([
    'localhost',
    'LOCALHOST',
    '127.0.0.1',
    '127.1.2.3',
    '::1',
    '::ffff:127.0.0.1',
    '/run/pg',
  ])('%s is', (one) => expect(isLocal({ host: one })).toBe(true));

  it.each([
    'db',
    '10.0.0.1',
    '127.0.0.1.example.com',
    'localhost.example.com',
    '1127.0.0.1',
    '::2',
    'run/pg',
  ])('%s is not', (one) => expect(isLocal({ host: one })).toBe(false));

  it('goes by the address that is connected to', () => {
    expect(isLocal({ host: 'localhost', address: '10.0.0.1' })).toBe(false);
    expect(isLocal({ host: 'db', address: '127.0.0.1' })).toBe(true);
  });

  it('is only true where every host is', () => {
    expect(isLocal({ host: 'localhost' }, { host: 'db' })).toBe(false);
    expect(isLocal({ host: 'localhost' }, { host: '/run/pg' })).toBe(true);
  });
});
