import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectionUrl, redactUrl } from '../../../src/postgres/settings.js';

/** Stands in every password, and nowhere else. */
const secret = 'Zq7xZq7';

const marks = [...`'"@:/?#&=%+\\ <>()$\``];

/** Any text around the secret, as far as the form can hold it. */
function passwordOf(isAllowed: (text: string) => boolean) {
  // Any character, and more often those that mean something in URLs, strings and logs.
  const unit = fc.oneof(fc.string({ unit: 'binary', maxLength: 1 }), fc.constantFrom(...marks));
  const part = fc.string({ unit, maxLength: 12 }).filter(isAllowed);
  return fc.tuple(part, part).map(([before, after]) => `${before}${secret}${after}`);
}

const isEncodable = (text: string) => !/\p{Surrogate}/u.test(text);
const surroundings = fc.constantFrom(
  ['', ''],
  ['could not connect to "', '": refused'],
  ['a\n', '\nb'],
);

function neverRemains(password: fc.Arbitrary<string>, write: (password: string) => string) {
  fc.assert(
    fc.property(password, surroundings, (value, [before, after]) => {
      const redacted = redactUrl(`${before}${write(value)}${after}`);
      expect(redacted).not.toContain(secret);
      expect(redacted).toContain('***');
    }),
    { numRuns: 500 },
  );
}

describe('redactUrl leaves no password', () => {
  it('of a URL with an encoded password', () => {
    neverRemains(
      passwordOf(isEncodable),
      (password) => `postgres://app:${encodeURIComponent(password)}@db:5432/shop?sslmode=require`,
    );
  });

  it('of a URL that Belay writes', () => {
    const settings = {
      hosts: [{ host: 'db', port: 5432 }],
      user: "o'app",
      database: 'shop',
      ssl: { mode: 'prefer' },
      connectTimeoutMs: 10_000,
    } as const;
    neverRemains(passwordOf(isEncodable), (password) =>
      connectionUrl({ ...settings, password }, { withPassword: true }),
    );
  });

  it('of a URL with a raw password, with quotes, @, / and : in it', () => {
    neverRemains(
      passwordOf((text) => !/\s/.test(text)),
      (password) => `postgresql://app:${password}@db/shop`,
    );
  });

  it('of a URL with a password as a parameter', () => {
    neverRemains(
      passwordOf(isEncodable),
      (password) => `postgres://db/shop?user=app&password=${encodeURIComponent(password)}&x=y`,
    );
  });

  it('of key=value strings, quoted and not', () => {
    const quoted = (password: string) => password.replace(/['\\]/g, '\\$&');
    neverRemains(
      passwordOf(isEncodable),
      (password) => `host=db password='${quoted(password)}' user=app`,
    );
    neverRemains(
      passwordOf((text) => !/[\s&\\]/.test(text)),
      (password) => `host=db password=${password} user=app`,
    );
  });

  it.each([
    `PGPASSWORD=${secret}`,
    `PGPASSWORD="${secret} x${secret}"`,
    `password = '${secret}`,
    `sslpassword=${secret}`,
    `postgres://:${secret}@db/shop`,
    `jdbc:postgresql://db/shop?user=a&password=${secret}`,
    `s3://key:${secret}@bucket/prefix`,
    `postgres://a:${secret}@db and postgres://b:${secret}@db`,
  ])('of %s', (text) => {
    expect(redactUrl(text)).not.toContain(secret);
  });
});

describe('redactUrl keeps the rest', () => {
  it.each([
    ['postgres://app:hunter2@db/shop', 'postgres://app:***@db/shop'],
    ['postgres://app@db:5432/shop?sslmode=require', 'postgres://app@db:5432/shop?sslmode=require'],
    ['host=db password=x dbname=shop', 'host=db password=*** dbname=shop'],
    [
      'postgres://db/shop?password=x&sslmode=require',
      'postgres://db/shop?password=***&sslmode=require',
    ],
    ['no URL at all: mail@example.com', 'no URL at all: mail@example.com'],
  ])('%s', (text, expected) => {
    expect(redactUrl(text)).toBe(expected);
  });
});
