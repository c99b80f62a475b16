import { BelayError } from '../errors.js';

/** The keywords of libpq that Belay acts on. Others are valid, and ignored. */
const keywords = [
  'host',
  'hostaddr',
  'port',
  'user',
  'password',
  'dbname',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'connect_timeout',
  'options',
  'service',
  'passfile',
  'target_session_attrs',
] as const;

type Keyword = (typeof keywords)[number];

/** What one source (string, service file, environment) says; a keyword it leaves out is open. */
export type ConnectionParameters = Partial<Record<Keyword, string>>;

/**
 * `postgres://`, and the same with a driver's mark, as Java and Python write it: `jdbc:postgresql://`,
 * `postgresql+psycopg2://`.
 */
const scheme = /^(?:jdbc:)?postgres(?:ql)?(?:\+[a-z0-9_]+)?:\/\//i;

const urlHint =
  'Write it as postgres://user:password@host:5432/database, with special characters percent-encoded (@ is %40, / is %2F, % is %25).';

/** The text itself is never part of the message: any piece of a broken URL may be the password. */
export function badUrl(message: string, hint = urlHint): BelayError {
  return new BelayError('BAD_URL', message, { hint });
}

/** Keeps what libpq knows and Belay uses. Users' URLs carry parameters of ORMs, which are not errors. */
export function keepKnown(pairs: Iterable<readonly [string, string]>): ConnectionParameters {
  const known: ConnectionParameters = {};
  for (const [key, value] of pairs) {
    const keyword = keywords.find((name) => name === key);
    if (keyword && value !== '') known[keyword] = value;
  }
  return known;
}

/**
 * Reads a connection string by libpq's rules: a URL, or `key=value` pairs.
 * @throws BelayError BAD_URL, whose message never holds a part of the string
 */
export function parseConnectionString(text: string): ConnectionParameters {
  const trimmed = text.trim();
  if (trimmed === '') throw badUrl('the database URL is empty');
  if (trimmed.includes('\0')) throw badUrl('the database URL holds a NUL character');
  const match = scheme.exec(trimmed);
  if (match) return parseUrl(trimmed.slice(match[0].length));
  const otherScheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(trimmed);
  if (otherScheme) {
    throw badUrl(
      `the database URL begins with "${otherScheme[0]}", which is not PostgreSQL`,
      'Belay works with PostgreSQL: give a URL that begins with postgres:// or postgresql://.',
    );
  }
  if (!/^[a-z_]+\s*=/.test(trimmed))
    throw badUrl('the database URL does not begin with postgres://');
  return parseDsn(trimmed);
}

function decode(text: string): string {
  let decoded: string;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw badUrl('the database URL has a "%" that is not followed by two hexadecimal digits');
  }
  if (decoded.includes('\0')) throw badUrl('the database URL holds a NUL character');
  return decoded;
}

/** @param rest the URL after `postgres://` */
function parseUrl(rest: string): ConnectionParameters {
  const slash = rest.indexOf('/');
  // libpq takes the first "@"; the last one before the path reads the same URLs, and also those
  // with a raw "@" in the password, which no valid host can contain.
  const at = rest.lastIndexOf('@', slash === -1 ? rest.length : slash);
  const credentials = at === -1 ? undefined : rest.slice(0, at);
  const afterCredentials = rest.slice(at + 1);
  const [, authority = '', path = '', query = ''] =
    /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(afterCredentials) ?? [];

  const pairs: [string, string][] = [];
  if (credentials !== undefined) {
    const colon = credentials.indexOf(':');
    pairs.push(['user', decode(colon === -1 ? credentials : credentials.slice(0, colon))]);
    if (colon !== -1) pairs.push(['password', decode(credentials.slice(colon + 1))]);
  }
  pairs.push(...parseAuthority(authority), ['dbname', decode(path)], ...parseQuery(query));
  return keepKnown(pairs);
}

/** `host:port,host:port`; an IPv6 address stands in brackets. */
function parseAuthority(authority: string): [string, string][] {
  if (authority === '') return [];
  const hosts: string[] = [];
  const ports: string[] = [];
  for (const part of authority.split(',')) {
    const match = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([^:]*))?$/.exec(part);
    if (!match) {
      throw badUrl('the database URL has a host that cannot be read');
    }
    hosts.push(decode(match[1] ?? match[2] ?? ''));
    ports.push(decode(match[3] ?? ''));
  }
  const pairs: [string, string][] = [];
  // Without any host or port the environment's apply; with one, an empty entry means the default.
  if (hosts.some((host) => host !== '')) pairs.push(['host', hosts.join(',')]);
  if (ports.length > 1 || ports[0] !== '') pairs.push(['port', ports.join(',')]);
  return pairs;
}

function parseQuery(query: string): [string, string][] {
  if (query === '') return [];
  return query.split('&').flatMap((part): [string, string][] => {
    const equals = part.indexOf('=');
    if (equals === -1) return [];
    const key = decode(part.slice(0, equals));
    const value = decode(part.slice(equals + 1));
    // libpq's own courtesy to JDBC.
    if (key === 'ssl' && value === 'true') return [['sslmode', 'require']];
    return [[key, value]];
  });
}

/** `host=db dbname='my db'`: quotes and backslashes as in libpq. */
function parseDsn(text: string): ConnectionParameters {
  const pairs: [string, string][] = [];
  const pair =
    /\s*([^\s=]+)\s*=\s*(?:'((?:\\[\s\S]|[^'\\])*)'|((?:\\[\s\S]|[^\s'\\])(?:\\[\s\S]|[^\s\\])*)?)(?=\s|$)\s*/y;
  while (pair.lastIndex < text.length) {
    const match = pair.exec(text);
    if (!match) {
      throw badUrl(
        'the connection string is not a list of key=value pairs',
        "Write it as host=db.example.com dbname=shop user=app; put values with spaces in '…'.",
      );
    }
    const value = match[2] ?? match[3] ?? '';
    pairs.push([match[1] as string, value.replace(/\\([\s\S])/g, '$1')]);
  }
  return keepKnown(pairs);
}
