import { Client } from 'pg';
import { BelayError } from '../../../src/errors.js';
import { startGateway } from '../../../src/gateway/gateway.js';
import type { Gateway, GatewayOptions } from '../../../src/gateway/gateway-options.js';
import type { GatewayRoute, GatewayRoutes } from '../../../src/gateway/routes.js';
import type { ConnectionSettings } from '../../../src/postgres/settings.js';
import {
  createTestDatabase,
  type TestDatabase,
  type TestServer,
  withSession,
} from '../../support/servers.js';

export const gatewayPassword = 'gateway "pass" %41 wörd';

/** Every database holds its own mark, so that nobody can be where he should not without being seen. */
const sql = (mark: string) => `
  CREATE TABLE mark (name text); INSERT INTO mark VALUES ('${mark}');
  CREATE TABLE work (id bigint PRIMARY KEY, who text);
`;

/** A target and two branches, with a gateway in front. */
export interface GatewayScene {
  readonly gateway: Gateway;
  /** Name of the target, as clients know it. */
  readonly database: string;
  readonly databases: Readonly<Record<'main' | 'one' | 'two', TestDatabase>>;
  /** Sessions that each branch has, by what the gateway told last. */
  readonly used: Map<string, number>;
  /** Makes a branch the current one, as a checkout does. */
  switchTo(branch: 'main' | 'one' | 'two'): void;
  /** What `find` does before it answers, e.g. waiting or refusing. */
  onFind: (branch: string | null) => Promise<void>;
  /** Changes where a route leads to. */
  readonly overrides: Map<string, Partial<ConnectionSettings>>;
  url(branch?: string): string;
  connect(options?: { branch?: string; application?: string; options?: string }): Promise<Client>;
  remove(): Promise<void>;
}

export async function startScene(
  server: TestServer,
  options: Partial<GatewayOptions> = {},
): Promise<GatewayScene> {
  const make = (mark: string) => createTestDatabase(server, { name: 'gate', sql: sql(mark) });
  const databases = { main: await make('main'), one: await make('one'), two: await make('two') };
  const routes = new SceneRoutes(server, databases);
  const gateway = await startGateway(routes, {
    ...{ user: 'postgres', password: gatewayPassword, port: 0, ...options },
  });
  const clients: Client[] = [];
  const database = databases.main.name;
  const url = (branch?: string) => {
    const result = new URL(gateway.url);
    if (branch) result.pathname = `/${database}@${encodeURIComponent(branch)}`;
    return result.href;
  };
  return {
    ...{ gateway, database, databases, used: routes.usage, overrides: routes.overrides, url },
    switchTo: (branch) => routes.switchTo(branch),
    get onFind() {
      return routes.onFind;
    },
    set onFind(work) {
      routes.onFind = work;
    },
    connect: async ({ branch, application, options: startOptions } = {}) => {
      const client = new Client({
        ...{ connectionString: url(branch), application_name: application, options: startOptions },
      });
      client.on('error', () => {});
      clients.push(client);
      await client.connect();
      return client;
    },
    remove: async () => {
      await Promise.all(clients.map((client) => client.end().catch(() => {})));
      await gateway.close();
      for (const each of Object.values(databases)) await each.drop();
    },
  };
}

class SceneRoutes implements GatewayRoutes {
  readonly database: string;
  readonly usage = new Map<string, number>();
  readonly overrides = new Map<string, Partial<ConnectionSettings>>();
  onFind: (branch: string | null) => Promise<void> = async () => {};
  readonly #server: TestServer;
  readonly #databases: Readonly<Record<string, TestDatabase>>;
  #current = 'main';
  #changed: () => void = () => {};

  constructor(server: TestServer, databases: Readonly<Record<string, TestDatabase>>) {
    this.#server = server;
    this.#databases = databases;
    this.database = (databases.main as TestDatabase).name;
  }

  switchTo(branch: string): void {
    this.#current = branch;
    this.#changed();
  }

  async find(branch: string | null): Promise<GatewayRoute> {
    await this.onFind(branch);
    const name = branch ?? this.#current;
    const found = this.#databases[name];
    if (!found) {
      throw new BelayError('BRANCH_NOT_FOUND', `there is no branch ${JSON.stringify(name)}`, {
        hint: '`belay branch list` names them.',
      });
    }
    const settings: ConnectionSettings = {
      hosts: [{ host: '127.0.0.1', port: this.#server.port }],
      ...{ user: 'postgres', password: this.#server.password, database: found.name },
      ...{ ssl: { mode: 'disable' }, connectTimeoutMs: 10_000 },
      ...this.overrides.get(name),
    };
    return { branch: name === 'main' ? null : name, key: JSON.stringify(settings), settings };
  }

  watch(changed: () => void): () => void {
    this.#changed = changed;
    return () => {
      this.#changed = () => {};
    };
  }

  used({ branch }: GatewayRoute, connections: number): void {
    this.usage.set(branch ?? 'main', connections);
  }
}

/** The mark of the database that a session is in. */
export async function markOf(client: Pick<Client, 'query'>): Promise<string> {
  const { rows } = await client.query<{ name: string }>('SELECT name FROM mark');
  return rows[0]?.name ?? 'none';
}

/** Ends the sessions in a database as an administrator does. @returns how many */
export async function terminateIn(server: TestServer, database: TestDatabase): Promise<number> {
  return withSession(server.adminUrl, async (client) => {
    const { rowCount } = await client.query(
      'SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = $1',
      [database.name],
    );
    return rowCount ?? 0;
  });
}

/** The SQLSTATE with which something fails; "none": it does not. */
export async function stateOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: { code?: string }) => error.code ?? String(error),
  );
}
