import { BelayError } from '../../errors.js';
import { describeServer, isLocalServer, resolveConnection } from '../../postgres/settings.js';
import { targetKey } from './target-key.js';

/** What may be known of a connection by everybody. */
export interface DescribedConnection {
  /** "host:port". */
  readonly server: string;
  readonly database: string;
  readonly targetKey: string;
  /** Every host is this machine. */
  readonly isLocal: boolean;
}

/** Parameters that read files of the server's machine, or say who the server itself is. */
const refusedParameters = [
  'service',
  'servicefile',
  'passfile',
  'sslcert',
  'sslkey',
  'sslpassword',
];

/**
 * Looks at the URL of a database that somebody registers over HTTP, without connecting.
 * @throws BelayError BAD_URL, ADDRESS_REFUSED
 */
export async function describeConnection(
  url: string,
  options: {
    readonly cwd: string;
    readonly env: NodeJS.ProcessEnv;
    readonly checkAddress?: ((host: string, port: number) => Promise<void>) | undefined;
  },
): Promise<DescribedConnection> {
  refuseParameters(url);
  const settings = await resolveConnection({ url, env: options.env, cwd: options.cwd });
  for (const { host, port, address } of settings.hosts) {
    await options.checkAddress?.(address ?? host, port);
  }
  return {
    ...{ server: describeServer(settings), database: settings.database },
    ...{ targetKey: targetKey(settings), isLocal: isLocalServer(settings) },
  };
}

function refuseParameters(url: string): void {
  const isUrl = /^postgres(?:ql)?:\/\//i.test(url);
  const names = isUrl
    ? [...url.matchAll(/[?&]([^=&]+)=/g)].map(([, name = '']) => safelyDecoded(name))
    : [...url.matchAll(/(\w+)\s*=/g)].map(([, name = '']) => name);
  const found = names.find((name) => refusedParameters.includes(name.toLowerCase()));
  if (found === undefined && isUrl) return;
  const what =
    found === undefined ? 'it is not a postgres:// URL' : `"${found}" is not allowed in it`;
  throw new BelayError('BAD_URL', `the URL of the database cannot be used: ${what}`, {
    hint: 'Write it as postgres://USER:PASSWORD@HOST:PORT/DATABASE. Files of the server’s machine are for its own configuration.',
    details: { field: 'url' },
  });
}

function safelyDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The server's environment without what says where and as whom the server itself connects: a URL from elsewhere must not get the
 * server's own password.
 */
export function withoutOwnCredentials(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(
    ([name]) => !/^PG(?!_)/.test(name) && name !== 'BELAY_URL' && name !== 'DATABASE_URL',
  );
  // libpq's file of passwords belongs to the server's user as well.
  return { ...Object.fromEntries(kept), PGPASSFILE: '/dev/null' };
}
