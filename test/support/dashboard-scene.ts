import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { startTestServer, type TestBelayServer, type TestServerOptions } from './belay-server.js';
import {
  type OpenedPage,
  type OpenPageOptions,
  openBrowser,
  openPage,
  pageFolder,
} from './browser.js';
import { callCli } from './call-cli.js';
import { findDumpableServer } from './dump-tools.js';
import { createTestDatabase, type TestDatabase } from './servers.js';
import { run } from './targets.js';

/** A server with one database, registered as "shop", and a browser. */
export interface DashboardScene {
  readonly server: TestBelayServer;
  readonly database: TestDatabase;
  readonly browser: Browser;
  /** A page of a profile of its own, signed in as admin unless a token, or none, is given. */
  open(options?: Partial<OpenPageOptions>): Promise<OpenedPage>;
  /** Runs statements in the database behind the server's back. */
  sql(text: string): Promise<void>;
  /** Applies a migration with the command line, as a deploy script does beside the server. */
  migrate(name: string, up: string, down?: string): Promise<void>;
  /** Lets the server look at the database anew: it was changed behind its back. */
  look(): Promise<void>;
  /** Calls the API as admin and waits for the end. @throws Error with the answer, where it is no success */
  post(path: string, body: unknown): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

/** Starts all of it; close it in `afterAll`. */
export async function startDashboardScene(
  options: TestServerOptions = {},
): Promise<DashboardScene> {
  const postgres = (await findDumpableServer()).server;
  const database = await createTestDatabase(postgres, { name: 'shop', sql: firstTables });
  const server = await startTestServer({
    ...{ databases: { shop: database.url }, pageFolder },
    ...options,
    env: { BELAY_DRILL_SERVER: postgres.adminUrl, ...options.env },
  });
  const browser = await openBrowser();
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'belay-dashboard-')));
  mkdirSync(join(folder, 'migrations'));
  return {
    ...{ server, database, browser },
    open: (page = {}) => openPage(browser, { url: server.url, token: server.admin, ...page }),
    sql: (text) => run(database.url, text),
    migrate: (name, up, down) =>
      migrate({ folder, url: database.url, store: server.store }, name, up, down),
    look: async () => {
      const answer = await server.fetch('/api/databases/shop/inventory?fresh=true');
      if (!answer.ok) throw new Error(`looking anew: ${answer.status} ${await answer.text()}`);
    },
    post: (path, body) => post(server, path, body),
    close: async () => {
      await browser.close();
      await server.close();
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const firstTables = `
  CREATE TABLE items (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL);
  INSERT INTO items (name) VALUES ('rope'), ('harness'), ('belay device');
`;

interface Project {
  readonly folder: string;
  readonly url: string;
  readonly store: string;
}

async function migrate(project: Project, name: string, up: string, down?: string): Promise<void> {
  const { folder, url, store } = project;
  const place = join(folder, 'migrations', name);
  mkdirSync(place);
  writeFileSync(join(place, 'up.sql'), up);
  if (down !== undefined) writeFileSync(join(place, 'down.sql'), down);
  const env = { DATABASE_URL: url, BELAY_STORE: store };
  const ran = await callCli(['--json', 'migrate', 'up', '--yes'], { cwd: folder, env });
  if (ran.exitCode !== 0) throw new Error(`belay migrate up: ${ran.stdout}${ran.stderr}`);
}

async function post(
  server: TestBelayServer,
  path: string,
  body: unknown,
): Promise<Record<string, unknown>> {
  const answer = await server.fetch(path, { method: 'POST', body });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${text}`);
  return JSON.parse(text);
}
