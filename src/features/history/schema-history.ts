import type { HistoryEntry, NewHistoryEntry } from '../../domain/history.js';
import type { SchemaModel } from '../../domain/schema-model.js';

/**
 * Where the history of a target's schema lies: in a schema `belay` of the database itself, or in the store. Entries
 * are never changed or removed; the models of old ones may be.
 */
export interface SchemaHistory {
  readonly kind: 'database' | 'store';
  /** For people, e.g. `schema "belay" of "shop"`. */
  readonly place: string;
  /**
   * All entries, oldest first; none where nothing was ever recorded.
   * @throws BelayError HISTORY_DAMAGED where an entry was changed, removed or put in between; NEWER_FORMAT
   */
  read(): Promise<readonly HistoryEntry[]>;
  /**
   * The model of a schema that an entry names.
   * @throws BelayError MODEL_NOT_KEPT, HISTORY_DAMAGED (it has another checksum), NEWER_FORMAT
   */
  readModel(checksum: string): Promise<SchemaModel>;
  /** Which models are kept, by checksum. */
  keptModels(): Promise<ReadonlySet<string>>;
  /**
   * Adds an entry and, unless it is kept already, its model. In a database this is part of the transaction
   * that its session is in, so that a migration and its entry commit together.
   * @param model null: it is not kept, the entry names its checksum all the same
   * @throws BelayError PERMISSION_DENIED where the role may not make the schema, with what to do; SCHEMA_TAKEN
   */
  append(entry: NewHistoryEntry, model: SchemaModel | null): Promise<HistoryEntry>;
  /**
   * Removes the models that only entries before the last `keep` versions name. Entries stay.
   * @returns their checksums
   */
  prune(keep: number): Promise<readonly string[]>;
}
