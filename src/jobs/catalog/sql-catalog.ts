import { BelayError } from '../../errors.js';
import { SessionPool } from '../../postgres/pool.js';
import type { Session } from '../../postgres/session.js';
import type { ConnectionSettings } from '../../postgres/settings.js';
import type { Catalog, CatalogChannel, CatalogConnection } from './catalog.js';
import { catalogError } from './catalog-errors.js';
import { CatalogListener } from './listener.js';

export interface SqlCatalogOptions {
  readonly kind: Catalog['kind'];
  /** Asked for each connection: an embedded server that was started again may have another port. */
  readonly settings: () => ConnectionSettings;
  readonly place: string;
  /** Tries to bring the server back; false where that is hopeless. */
  readonly revive?: (() => Promise<boolean>) | undefined;
  /** After the connections have ended. */
  readonly onClose?: (() => Promise<void>) | undefined;
}

/** Enough for what servers ask at once; an embedded catalog takes 30 connections in all. */
const poolSize = 8;
const applicationName = 'belay serve';

/** A catalog by SQL, over a pool and one more connection that listens. */
export class SqlCatalog implements Catalog {
  readonly kind: Catalog['kind'];
  readonly place: string;
  readonly #pool: SessionPool;
  readonly #listener: CatalogListener;
  readonly #onClose: () => Promise<void>;
  #closing: Promise<void> | undefined;

  constructor({ kind, settings, place, revive, onClose }: SqlCatalogOptions) {
    this.kind = kind;
    this.place = place;
    this.#pool = new SessionPool({ settings, applicationName, size: poolSize, revive });
    this.#listener = new CatalogListener({ settings, place: this.place, revive });
    this.#onClose = onClose ?? (async () => {});
  }

  async query<Row extends object>(
    sql: string,
    parameters: readonly unknown[] = [],
    doing = 'reading the catalog of the server',
  ): Promise<Row[]> {
    const ask = () => this.use((session) => session.query<Row>(sql, [...parameters], doing));
    try {
      return await ask();
    } catch (error) {
      // Lost in the middle: whether it was done, nobody knows. Reading twice does no harm.
      if (!wasLost(error) || !/^\s*SELECT\b/i.test(sql)) throw error;
      return ask();
    }
  }

  transaction<T>(work: (connection: CatalogConnection) => Promise<T>): Promise<T> {
    return this.use((session) =>
      session.transaction(() =>
        work({
          query: (sql, parameters = [], doing = 'changing the catalog of the server') =>
            session.query(sql, [...parameters], doing),
        }),
      ),
    );
  }

  /** One connection for work that needs more than statements. */
  async use<T>(work: (session: Session) => Promise<T>, timeoutMs?: number): Promise<T> {
    try {
      return await this.#pool.run(work, timeoutMs);
    } catch (error) {
      throw catalogError(error, this.place);
    }
  }

  listen(
    channel: CatalogChannel,
    onMessage: (payload: string) => void,
    onGap: () => void,
  ): Promise<() => Promise<void>> {
    return this.#listener.add(channel, { onMessage, onGap });
  }

  async notify(channel: CatalogChannel, payload: string): Promise<void> {
    await this.query('SELECT pg_notify($1, $2)', [channel, payload], `telling of ${channel}`);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#listener.close(), this.#pool.close()]);
    await this.#onClose();
  }
}

function wasLost(error: unknown): boolean {
  return error instanceof BelayError && error.details.reason === 'SERVER_GONE';
}
