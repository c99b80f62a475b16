import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Scope } from '../../src/contract/scope.js';
import { openCatalog } from '../../src/jobs/catalog/open-catalog.js';
import { openAccess } from '../../src/server/access/open-access.js';
import { type ServeOptions, startBelayServer } from '../../src/server/index.js';
import { cleanEnvironment } from './run-belay.js';
import { createTestDatabase, testServers } from './servers.js';
import { testHome } from './test-home.js';
import { tellWatchdog } from './watchdog.js';

export interface TestServerOptions extends Omit<ServeOptions, 'env' | 'logTo'> {
  /** URLs by the names that they are registered as, in development. */
  readonly databases?: Readonly<Record<string, string>> | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface TestRequest extends Omit<RequestInit, 'body'> {
  /** Default: an admin's; null: none. */
  readonly token?: string | null | undefined;
  /** Sent as JSON; a text as it is. */
  readonly body?: unknown;
}

export interface TestBelayServer {
  readonly url: string;
  readonly port: number;
  /** Of an admin that may do everything. */
  readonly admin: string;
  /** Folder of archives and ledger. */
  readonly store: string;
  readonly catalogUrl: string;
  /** Makes a token. @param databases registered names that it is bound to; default: all */
  token(scope: Scope | 'agent', databases?: readonly string[]): Promise<string>;
  fetch(path: string, request?: TestRequest): Promise<Response>;
  /** What the server has logged so far, line by line. */
  readonly logs: () => string;
  close(options?: { readonly graceMs?: number }): Promise<void>;
}

/**
 * A server of its own on a free port of loopback, with an empty catalog on one of the run's servers and an empty store. Share one
 * per file and close it in `afterAll`.
 */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestBelayServer> {
  const [postgres] = testServers();
  if (!postgres) throw new Error('no PostgreSQL for the catalog');
  const { databases = {}, env, ...serve } = options;
  const catalogDatabase = await createTestDatabase(postgres, { name: 'catalog' });
  const store = mkdtempSync(join(tmpdir(), 'belay-server-store-'));
  tellWatchdog(store);
  const catalogUrl = options.catalogUrl ?? catalogDatabase.url;
  let log = '';
  const server = await startBelayServer({
    ...{ port: 0, cwd: store, name: `test-${randomBytes(4).toString('hex')}`, catalogUrl, store },
    ...serve,
    env: { ...cleanEnvironment(), BELAY_HOME: testHome(), BELAY_STORE: store, ...env },
    logTo: {
      write: (line) => {
        log += line;
      },
    },
  });
  const makeToken = (scope: Scope | 'agent', names?: readonly string[]) =>
    tokenOf(catalogUrl, scope, names);
  const admin = await makeToken('admin');
  const call = (path: string, request: TestRequest = {}) =>
    send(`${server.url}${path}`, { token: admin, ...request });
  for (const [name, url] of Object.entries(databases)) {
    const body = { name, url, environment: 'development' };
    const answer = await call('/api/databases', { method: 'POST', body });
    if (answer.status !== 201) throw new Error(`registering ${name}: ${await answer.text()}`);
  }
  return {
    ...{ url: server.url, port: server.port, admin, store, catalogUrl },
    token: makeToken,
    fetch: call,
    logs: () => log,
    close: async (closing) => {
      await server.close(closing);
      await catalogDatabase.drop();
      rmSync(store, { recursive: true, force: true });
    },
  };
}

/** Makes a token as the command line does: straight in the catalog. */
async function tokenOf(
  catalogUrl: string,
  scope: Scope | 'agent',
  databases: readonly string[] | undefined,
): Promise<string> {
  const catalog = await openCatalog({ url: catalogUrl, home: testHome(), env: cleanEnvironment() });
  const access = openAccess({ catalog });
  try {
    const kind = scope === 'agent' ? 'agent' : 'token';
    const scopes = scope === 'agent' ? [] : [scope];
    return (await access.createToken({ name: `test ${scope}`, kind, scopes, databases })).token;
  } finally {
    await access.close();
    await catalog.close();
  }
}

function send(url: string, { token, body, headers, ...rest }: TestRequest): Promise<Response> {
  const sent = new Headers(headers);
  if (token && !sent.has('authorization')) sent.set('authorization', `Bearer ${token}`);
  if (body !== undefined && !sent.has('content-type')) sent.set('content-type', 'application/json');
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  return fetch(url, { ...rest, headers: sent, body: (text as string | undefined) ?? null });
}
