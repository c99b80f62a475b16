/**
 * Where a server keeps what is its own: tokens, people, registered databases, jobs, schedules, webhooks. Always a PostgreSQL, so
 * that one server and many run the same SQL: one of Belay's own in the data folder, or any other by its URL. Nothing in it is
 * needed to restore: snapshots and archives carry their own records.
 */
export interface Catalog {
  /** "embedded": Belay's own PostgreSQL in the data folder. */
  readonly kind: 'embedded' | 'external';
  /** "host:port/database" or the folder; no secret. For people. */
  readonly place: string;
  /**
   * Runs one statement on any connection of the pool. A connection that was lost while idle is replaced without a word.
   * @param doing what it is for, as it reads after "while"
   * @throws BelayError CATALOG_UNAVAILABLE where the server is out of reach
   */
  query<Row extends object>(
    sql: string,
    parameters?: readonly unknown[],
    doing?: string,
  ): Promise<Row[]>;
  /** Runs work in one transaction on one connection; commits when it resolves. */
  transaction<T>(work: (connection: CatalogConnection) => Promise<T>): Promise<T>;
  /**
   * Calls back for each NOTIFY on a channel, from a connection of its own that is made again when it is lost. Messages of the
   * time without it are lost, so `onGap` tells to look anew.
   * @returns ends it
   */
  listen(
    channel: CatalogChannel,
    onMessage: (payload: string) => void,
    onGap: () => void,
  ): Promise<() => Promise<void>>;
  notify(channel: CatalogChannel, payload: string): Promise<void>;
  close(): Promise<void>;
}

export interface CatalogConnection {
  query<Row extends object>(
    sql: string,
    parameters?: readonly unknown[],
    doing?: string,
  ): Promise<Row[]>;
}

/**
 * `belay_job`: a job was added or has ended (payload: its id); `belay_event`: a job has a new event (its id);
 * `belay_access`: tokens, people or sessions changed; `belay_inventory`: a database was looked at (its name);
 * `belay_database`: databases changed (its name).
 */
export type CatalogChannel =
  | 'belay_job'
  | 'belay_event'
  | 'belay_access'
  | 'belay_inventory'
  | 'belay_database';

/** Statements that bring a catalog from one version to the next. Never changed once published. */
export interface CatalogMigration {
  /** 1, 2, 3 … */
  readonly number: number;
  readonly name: string;
  readonly sql: string;
}
