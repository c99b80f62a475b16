import type { Caller } from '../../contract/caller.js';
import type { RegisteredDatabase } from '../../contract/database.js';
import type { Target } from '../../features/target/open-target.js';

export type { RegisteredDatabase };

export interface NewDatabase {
  readonly name: string;
  readonly kind: 'direct' | 'agent';
  /** Only of a direct one: a libpq URL, sealed at rest. */
  readonly url?: string | undefined;
  readonly environment?: RegisteredDatabase['environment'] | undefined;
  readonly store?: string | undefined;
  readonly source?: RegisteredDatabase['source'] | undefined;
}

export interface Databases {
  list(): Promise<readonly RegisteredDatabase[]>;
  get(name: string): Promise<RegisteredDatabase | undefined>;
  /** @throws BelayError DATABASE_REGISTERED, BAD_URL, ADDRESS_REFUSED */
  add(order: NewDatabase): Promise<RegisteredDatabase>;
  /** @throws BelayError DATABASE_NOT_REGISTERED, BAD_URL, ADDRESS_REFUSED */
  change(
    name: string,
    change: Partial<Pick<NewDatabase, 'url' | 'environment' | 'store'>>,
  ): Promise<RegisteredDatabase>;
  /** Forgets it; nothing of the database, its snapshots or archives is touched. @throws BelayError DATABASE_NOT_REGISTERED */
  remove(name: string): Promise<void>;
  /**
   * Connects to a direct one. The caller closes it.
   * @param caller who the ledger will name
   * @throws BelayError DATABASE_NOT_REGISTERED, NEEDS_AGENT for an agent's, and as `openTarget`
   */
  open(name: string, action: string, caller: Pick<Caller, 'kind' | 'id' | 'name'>): Promise<Target>;
}
