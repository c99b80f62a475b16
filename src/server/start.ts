import type { DestinationStream } from 'pino';
import { dataHome } from '../config/data-home.js';
import type { RunOptions } from '../domain/reporter.js';
import { BelayError } from '../errors.js';
import { allowedByEnvironment } from '../jobs/addresses/open-addresses.js';
import { configuredDatabases } from '../jobs/databases/configured-databases.js';
import { createApp } from './app.js';
import { Closers } from './closers.js';
import { createAdmission, isLoopback } from './http/admission.js';
import { type Listener, listen } from './listen.js';
import { openServices } from './open-services.js';
import { openLog } from './request-log.js';
import { lockServer } from './server-lock.js';
import { startWork, type Work } from './start-work.js';

export interface ServeOptions extends RunOptions {
  /** Default: the process's own. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly cwd?: string | undefined;
  /** The database of the command line, registered under its own name; none is fine. */
  readonly url?: string | undefined;
  readonly target?: string | undefined;
  /** Where archives and ledger lie; default as for the command line. */
  readonly store?: string | undefined;
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** Default 8432; 0: any that is free. */
  readonly port?: number | undefined;
  /** Any PostgreSQL; default BELAY_CATALOG, else one of Belay's own in the data folder. */
  readonly catalogUrl?: string | undefined;
  /** Of the server in jobs, and of its lock in the data folder. */
  readonly name?: string | undefined;
  readonly allowedHosts?: readonly string[] | undefined;
  readonly allowAddresses?: readonly string[] | undefined;
  /** Where pages see it, e.g. "https://belay.example.com". */
  readonly publicUrl?: string | undefined;
  /** Jobs at once, default 2. */
  readonly concurrency?: number | undefined;
  /** Jobs that may wait, default 100. */
  readonly queueLimit?: number | undefined;
  /** Assistants may restore in place, where their token may. */
  readonly allowRestore?: boolean | undefined;
  /** Default: stderr. */
  readonly logTo?: DestinationStream | undefined;
  /** Where the page was built; default: in the package. */
  readonly pageFolder?: string | undefined;
}

export interface BelayServer {
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Registered names. */
  readonly databases: readonly string[];
  /** Where the catalog is; no secret. */
  readonly catalog: string;
  /** Signs in once, as admin; null: somebody is set up already, or others reach the server. */
  readonly signInUrl: string | null;
  /** Takes nothing new, lets jobs end for `graceMs` (default 30 s) and gives the rest back. */
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

const defaultPort = 8432;
const defaultGraceMs = 30_000;
/** For answers that are on their way when the work is done. */
const lastAnswersMs = 5_000;

/**
 * Starts a server: HTTP API, page, and the work that it accepts.
 *
 * @example
 * const server = await startBelayServer({ port: 0 });
 * console.log(server.url);
 * await server.close();
 * @throws BelayError SERVER_RUNS, PORT_TAKEN, SERVE_FAILED, EXPOSED_WITHOUT_TOKEN, BAD_URL, CATALOG_UNAVAILABLE, CATALOG_NEWER
 */
export async function startBelayServer(options: ServeOptions = {}): Promise<BelayServer> {
  const closers = new Closers();
  try {
    return await start(options, closers);
  } catch (error) {
    // What went wrong first is what is told.
    await closers.close().catch(() => undefined);
    throw error;
  }
}

async function start(options: ServeOptions, closers: Closers): Promise<BelayServer> {
  const { env = process.env, cwd = process.cwd(), url, target, host = '127.0.0.1' } = options;
  const { port = defaultPort, publicUrl, allowedHosts = [] } = options;
  checkPublicUrl(publicUrl);
  if (port > 65_535) throw new BelayError('USAGE', `${port} is no port: they end at 65535`);
  const admission = createAdmission({ host, allowedHosts, publicUrl });
  const logger = openLog(env, options.logTo);
  const configured = await configuredDatabases({ url, target, cwd, env });
  const home = dataHome(env);
  const lock = await lockServer(home, options.name);
  closers.add(() => lock.release());
  const services = await openServices(
    {
      ...{ env, cwd, home, configured, logger, signal: options.signal, reporter: options.reporter },
      ...{ store: options.store, queueLimit: options.queueLimit },
      catalogUrl: options.catalogUrl ?? (env.BELAY_CATALOG || undefined),
      allowAddresses: [...(options.allowAddresses ?? []), ...allowedByEnvironment(env)],
    },
    closers,
  );
  const isSetUp = await services.access.hasAnyCredential();
  if (!isSetUp && !isLoopback(host)) throw exposed(host);
  const closing = new AbortController();
  const state = { isWorking: true };
  const app = await createApp(
    {
      ...services,
      ...{ admission, closing: closing.signal, isWorking: () => state.isWorking },
      allowsRestoreByAssistants: options.allowRestore ?? false,
    },
    { pageFolder: options.pageFolder },
  );
  const listener = await listen(app, { host, port });
  closers.add(() => listener.ended(0));
  const work = startWork(services, { concurrency: options.concurrency, name: options.name });
  const place = `http://${host.includes(':') ? `[${host}]` : host}:${listener.port}`;
  await lock.tell(place);
  const code = isSetUp ? undefined : await services.access.createSignInCode();
  logger.info({ url: place, catalog: services.catalog.place }, 'listening');
  return {
    ...{ url: place, host, port: listener.port, catalog: services.catalog.place },
    databases: (await services.databases.list()).map(({ name }) => name),
    signInUrl: code === undefined ? null : `${publicUrl ?? place}/sign-in#code=${code}`,
    close: once(async (graceMs: number) => {
      state.isWorking = false;
      await end({ listener, work, closing, graceMs });
      logger.info('stopped');
      await closers.close();
    }),
  };
}

interface Ending {
  readonly listener: Listener;
  readonly work: Work;
  readonly closing: AbortController;
  readonly graceMs: number;
}

/** Requests that wait for a job get their answer as long as the job may go on. */
async function end({ listener, work, closing, graceMs }: Ending): Promise<void> {
  listener.stop();
  try {
    await work.close(graceMs);
  } finally {
    closing.abort();
    await listener.ended(lastAnswersMs);
  }
}

function once(close: (graceMs: number) => Promise<void>): BelayServer['close'] {
  let closed: Promise<void> | undefined;
  return ({ graceMs = defaultGraceMs } = {}) => {
    closed ??= close(graceMs);
    return closed;
  };
}

function checkPublicUrl(publicUrl: string | undefined): void {
  if (publicUrl === undefined) return;
  const url = URL.canParse(publicUrl) ? new URL(publicUrl) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.username === '') return;
  throw new BelayError('BAD_URL', 'the public URL is no http(s):// address of a host', {
    hint: 'Write it like https://belay.example.com; the server has no path of its own.',
  });
}

function exposed(host: string): BelayError {
  return new BelayError(
    'EXPOSED_WITHOUT_TOKEN',
    `others reach ${host}, and nobody has a token or a password yet`,
    { hint: 'First `belay token create --scope admin`, then start the server again.' },
  );
}
