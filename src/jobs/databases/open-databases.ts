import path from 'node:path';
import type { Caller } from '../../contract/caller.js';
import { openTarget, type Target } from '../../features/target/open-target.js';
import type { Catalog } from '../catalog/catalog.js';
import { checkRequestedStore } from './check-store.js';
import type { ConfiguredDatabase } from './configured-databases.js';
import { describeConnection, withoutOwnCredentials } from './connection.js';
import {
  fromConfig,
  needsAgent,
  notRegistered,
  registered,
  takenByApi,
  urlIsMissing,
} from './database-errors.js';
import { checkDatabaseName, DatabaseTable, type StoredDatabase } from './database-table.js';
import type { Databases, NewDatabase, RegisteredDatabase } from './databases.js';
import { agentKey } from './target-key.js';

/** Seals texts for the catalog, each bound to what it is about. */
export interface SecretBox {
  seal(text: string, about: string): string;
  open(sealed: string, about: string): string;
}

export interface OpenDatabasesOptions {
  readonly catalog: Catalog;
  readonly secrets: SecretBox;
  readonly env: NodeJS.ProcessEnv;
  /** Belay's data folder; stores that are named over HTTP are folders of `HOME/serve/stores`. */
  readonly home: string;
  /** Where the server's configuration is. */
  readonly cwd: string;
  /** Of databases that have none of their own; default: as for the command line. */
  readonly defaultStore?: string | undefined;
  /**
   * Asked about each address of a database that is registered over HTTP.
   * @throws BelayError ADDRESS_REFUSED
   */
  readonly checkAddress?: ((host: string, port: number) => Promise<void>) | undefined;
}

/** The registered databases, with what only the server's own parts need of them. */
export interface OpenDatabases extends Databases {
  /**
   * What jobs that change something must not share at the same time.
   * @throws BelayError DATABASE_NOT_REGISTERED
   */
  exclusiveKey(name: string): Promise<string>;
  /**
   * Registers what the command line and the configuration name, under their own names, or brings them up to date.
   * @throws BelayError DATABASE_REGISTERED where the name is another database's that was registered over HTTP
   */
  registerConfigured(
    targets: readonly ConfiguredDatabase[],
  ): Promise<readonly RegisteredDatabase[]>;
  /** Notes that its agent was heard. */
  agentSeen(names: readonly string[]): Promise<void>;
  /** Calls back with the name when a database is added, changed or removed, by whichever server. @returns ends it */
  onChange(changed: (name: string) => void): () => void;
  close(): Promise<void>;
}

/** How long what the catalog says is taken for true; other servers' changes are told, and come at once. */
const knownForMs = 2_000;

/**
 * The databases that the server knows. URLs are sealed in the catalog.
 * @throws BelayError CATALOG_UNAVAILABLE
 */
export async function openDatabases(options: OpenDatabasesOptions): Promise<OpenDatabases> {
  const listeners = new Set<(name: string) => void>();
  const known: { rows: ReadonlyMap<string, StoredDatabase> | undefined; at: number } = {
    ...{ rows: undefined, at: 0 },
  };
  const forget = () => {
    known.rows = undefined;
  };
  const changed = (name: string) => {
    forget();
    for (const listener of listeners) listener(name);
  };
  const stop = await options.catalog.listen('belay_database', changed, () => changed(''));
  const table = new DatabaseTable(options.catalog);
  const rows = async () => {
    if (known.rows && performance.now() - known.at < knownForMs) return known.rows;
    const at = performance.now();
    const found = await table.read();
    Object.assign(known, { rows: found, at });
    return found;
  };
  const tell = async (name: string) => {
    changed(name);
    await options.catalog.notify('belay_database', name);
  };
  return {
    ...new Registry(options, table, rows, tell).functions(),
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: stop,
  };
}

class Registry {
  readonly #options: OpenDatabasesOptions;
  readonly #table: DatabaseTable;
  readonly #rows: () => Promise<ReadonlyMap<string, StoredDatabase>>;
  readonly #tell: (name: string) => Promise<void>;
  /** What this server was started with: others may be left of an earlier configuration, and can be removed. */
  readonly #configured = new Set<string>();

  constructor(
    options: OpenDatabasesOptions,
    table: DatabaseTable,
    rows: () => Promise<ReadonlyMap<string, StoredDatabase>>,
    tell: (name: string) => Promise<void>,
  ) {
    this.#options = options;
    this.#table = table;
    this.#rows = rows;
    this.#tell = tell;
  }

  functions(): Omit<OpenDatabases, 'onChange' | 'close'> {
    return {
      list: async () => [...(await this.#rows()).values()].map(({ database }) => database),
      get: async (name) => (await this.#rows()).get(name)?.database,
      add: (order) => this.#add(order),
      change: (name, change) => this.#change(name, change),
      remove: (name) => this.#remove(name),
      open: (name, action, caller) => this.#open(name, action, caller),
      exclusiveKey: async (name) => (await this.#find(name)).targetKey,
      registerConfigured: (targets) => this.#registerConfigured(targets),
      agentSeen: (names) => this.#table.agentSeen(names),
    };
  }

  async #find(name: string): Promise<StoredDatabase> {
    // One that was registered a moment ago elsewhere may not have been told of yet.
    const found = (await this.#rows()).get(name) ?? (await this.#table.read()).get(name);
    if (found) return found;
    throw notRegistered(name);
  }

  async #add(order: NewDatabase): Promise<RegisteredDatabase> {
    checkDatabaseName(order.name);
    const { kind } = order;
    const isDirect = kind === 'direct';
    if (isDirect !== (order.url !== undefined)) throw urlIsMissing(isDirect);
    const connection = order.url === undefined ? null : await this.#connection(order.url);
    const environment =
      order.environment ??
      (connection?.isLocal ? ('development' as const) : ('production' as const));
    const { name, source = 'api' } = order;
    const added = await this.#table.insert({
      ...{ name, kind, environment, source },
      ...{ server: connection?.server ?? null, database: connection?.database ?? null },
      store: this.#store(order.store),
      targetKey: connection?.targetKey ?? agentKey(name),
      urlSealed: order.url === undefined ? null : this.#seal(name, order.url),
    });
    if (!added) throw registered(name);
    await this.#tell(name);
    return added;
  }

  async #change(
    name: string,
    change: Parameters<Databases['change']>[1],
  ): Promise<RegisteredDatabase> {
    const { database } = await this.#find(name);
    if (this.#isConfigured(database)) throw fromConfig(name, 'changed');
    if (change.url !== undefined && database.kind === 'agent') throw urlIsMissing(false);
    const connection = change.url === undefined ? null : await this.#connection(change.url);
    const changed = await this.#table.update(name, {
      ...(change.environment === undefined ? {} : { environment: change.environment }),
      ...(change.store === undefined ? {} : { store: this.#store(change.store) }),
      ...(connection && change.url !== undefined
        ? {
            ...{ server: connection.server, database: connection.database },
            ...{ target_key: connection.targetKey, url_sealed: this.#seal(name, change.url) },
          }
        : {}),
    });
    if (!changed) throw notRegistered(name);
    await this.#tell(name);
    return changed;
  }

  async #remove(name: string): Promise<void> {
    const { database } = await this.#find(name);
    if (this.#isConfigured(database)) throw fromConfig(name, 'removed');
    if (!(await this.#table.delete(name))) throw notRegistered(name);
    await this.#tell(name);
  }

  async #open(
    name: string,
    action: string,
    _caller: Pick<Caller, 'kind' | 'id' | 'name'>,
  ): Promise<Target> {
    const { database, urlSealed } = await this.#find(name);
    if (urlSealed === null) throw needsAgent(name);
    const { cwd, env, defaultStore } = this.#options;
    const target = await openTarget({
      ...{ url: this.#options.secrets.open(urlSealed, aboutUrl(name)), action, cwd },
      env: database.source === 'api' ? withoutOwnCredentials(env) : env,
      store: database.store ?? defaultStore,
    });
    // What was said when it was registered holds here; a configuration can only make it stricter.
    const isProduction =
      database.environment === 'production' || target.environment === 'production';
    return {
      ...target,
      ...{ name, source: `database ${name}` },
      environment: isProduction ? 'production' : 'development',
    };
  }

  async #registerConfigured(
    targets: readonly ConfiguredDatabase[],
  ): Promise<readonly RegisteredDatabase[]> {
    const done: RegisteredDatabase[] = [];
    for (const { name, url, environment, store, connection } of targets) {
      checkDatabaseName(name);
      const stored = await this.#table.upsertConfigured({
        ...{ name, kind: 'direct', environment, source: 'config', store },
        ...{ server: connection.server, database: connection.database },
        ...{ targetKey: connection.targetKey, urlSealed: this.#seal(name, url) },
      });
      if (!stored) throw takenByApi(name);
      this.#configured.add(name);
      await this.#tell(name);
      done.push(stored);
    }
    return done;
  }

  #isConfigured({ source, name }: RegisteredDatabase): boolean {
    return source === 'config' && this.#configured.has(name);
  }

  #connection(url: string) {
    const { cwd, env, checkAddress } = this.#options;
    return describeConnection(url, { cwd, env: withoutOwnCredentials(env), checkAddress });
  }

  #store(store: string | undefined): string | null {
    if (store === undefined || store === '') return null;
    return checkRequestedStore(store, path.join(this.#options.home, 'serve', 'stores'));
  }

  #seal(name: string, url: string): string {
    return this.#options.secrets.seal(url, aboutUrl(name));
  }
}

const aboutUrl = (name: string): string => `database ${name}`;
