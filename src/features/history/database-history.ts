import {
  type HistoryEntry,
  historyFormat,
  historySchemaFormat,
  historySchemaMark,
  type NewHistoryEntry,
} from '../../domain/history.js';
import { HistoryChain, sealEntry } from '../../domain/history-chain.js';
import { checksumsToKeep } from '../../domain/history-retention.js';
import { type SchemaModel, versionChecksum } from '../../domain/schema-model.js';
import {
  decodeStoredModel,
  encodeStoredModel,
  modelNotKept,
  storedModelFormat,
} from '../../domain/stored-model.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import * as sql from '../../postgres/sql/history.js';
import { whoRuns } from './history-actor.js';
import type { SchemaHistory } from './schema-history.js';

export interface DatabaseHistoryOptions {
  /** Name of the session's database, for people; default: the one that the session was opened on. */
  readonly database?: string | undefined;
  /** Default "belay". */
  readonly schemaName?: string | undefined;
}

/**
 * The history in a schema of the database itself. Nothing is made before the first entry.
 * @param session on the target database, not on the maintenance database
 */
export function openDatabaseHistory(
  session: Session,
  options: DatabaseHistoryOptions = {},
): SchemaHistory {
  return new DatabaseHistory(session, options);
}

class DatabaseHistory implements SchemaHistory {
  readonly kind = 'database';
  readonly place: string;
  readonly #session: Session;
  readonly #schema: string;
  readonly #database: string;

  constructor(session: Session, options: DatabaseHistoryOptions) {
    this.#session = session;
    this.#schema = options.schemaName ?? 'belay';
    this.#database = options.database ?? session.database;
    this.place = `schema "${this.#schema}" of "${this.#database}"`;
  }

  async read(): Promise<readonly HistoryEntry[]> {
    if (!(await this.#isThere('read'))) return [];
    const chain = this.#chain();
    for (const row of await sql.readHistoryRows(this.#session, this.#schema)) {
      const number = Number(row.number);
      const entry = chain.add({ number, text: row.entry, hash: row.hash });
      const differing = (['at', 'version', 'name', 'action', 'tool', 'checksum'] as const).find(
        (column) => row[column] !== entry[column],
      );
      if (differing) throw chain.damaged(number, `was changed in its column "${differing}"`);
    }
    return chain.entries;
  }

  async readModel(checksum: string): Promise<SchemaModel> {
    const bytes = (await this.#isThere('read'))
      ? await sql.readHistoryModel(this.#session, this.#schema, checksum)
      : undefined;
    if (!bytes) throw modelNotKept(checksum, this.place);
    return decodeStoredModel(bytes, checksum, this.place);
  }

  async keptModels(): Promise<ReadonlySet<string>> {
    const isThere = await this.#isThere('read');
    return new Set(isThere ? await sql.listHistoryModels(this.#session, this.#schema) : []);
  }

  append(entry: NewHistoryEntry, model: SchemaModel | null): Promise<HistoryEntry> {
    checkModel(entry, model);
    return this.#inTransaction(async () => {
      await sql.serialiseAppends(this.#session);
      if (!(await this.#isThere('write'))) await this.#create();
      if (model) await this.#keep(entry.checksum, model);
      return this.#insert(entry);
    });
  }

  async prune(keep: number): Promise<readonly string[]> {
    const kept = checksumsToKeep(await this.read(), keep);
    const gone = [...(await this.keptModels())].filter((checksum) => !kept.has(checksum));
    if (gone.length > 0) await sql.deleteHistoryModels(this.#session, this.#schema, gone);
    return gone;
  }

  #chain(): HistoryChain {
    return new HistoryChain(`history in ${this.place}`);
  }

  /** A migration's entry belongs to the migration's own transaction. */
  #inTransaction<T>(work: () => Promise<T>): Promise<T> {
    return sql.isInTransaction(this.#session) ? work() : this.#session.transaction(work);
  }

  async #insert(entry: NewHistoryEntry): Promise<HistoryEntry> {
    const end = await sql.readHistoryEnd(this.#session, this.#schema);
    const { at, role } = await sql.readMoment(this.#session);
    const number = (end?.number ?? 0) + 1;
    const whole = { ...entry, number, at, actor: { role, ...whoRuns() } };
    const { text, hash } = sealEntry(whole, end?.hash ?? null);
    await sql.insertHistoryRow(this.#session, this.#schema, {
      ...{ number: String(number), at, entry: text, hash },
      ...{ version: entry.version, name: entry.name, action: entry.action },
      ...{ tool: entry.tool, checksum: entry.checksum },
    });
    return { ...whole, hash };
  }

  async #keep(checksum: string, model: SchemaModel): Promise<void> {
    // Packing a large one is what takes time.
    if (await sql.isModelKept(this.#session, this.#schema, checksum)) return;
    const bytes = encodeStoredModel(model);
    const kept = { checksum, format: storedModelFormat, bytes };
    await sql.insertHistoryModel(this.#session, this.#schema, kept);
  }

  /** Asked for before it is tried: a refused statement would end the transaction of the migration. */
  async #create(): Promise<void> {
    if (!(await sql.mayCreateSchema(this.#session))) {
      throw new BelayError(
        'PERMISSION_DENIED',
        `the role may not create the ${this.place}, in which the history is kept`,
        {
          hint: `GRANT CREATE ON DATABASE "${this.#database}" to it, or keep the history in the store ("migrations": { "history": "store" } in the config).`,
        },
      );
    }
    await sql.createHistorySchema(this.#session, this.#schema, historySchemaMark);
  }

  /** Whether there is a history; it has to be ours, whole, and open to the role. */
  async #isThere(to: 'read' | 'write'): Promise<boolean> {
    const found = await sql.findHistorySchema(this.#session, this.#schema);
    if (!found) return false;
    this.#checkMark(found.comment);
    if (!found.isWhole) {
      throw new BelayError('HISTORY_DAMAGED', `a table is missing in the ${this.place}`, {
        hint: 'It has to have "history" and "models": bring them back from a snapshot or a checkpoint.',
      });
    }
    if (to === 'read' ? found.mayRead : found.mayWrite && found.mayRead) return true;
    const rights = to === 'read' ? 'SELECT' : 'SELECT, INSERT';
    throw new BelayError('PERMISSION_DENIED', `the role may not ${to} the ${this.place}`, {
      hint: `Its owner "${found.owner}" can GRANT USAGE ON SCHEMA "${this.#schema}" and ${rights} ON ALL TABLES IN SCHEMA "${this.#schema}" to it.`,
    });
  }

  #checkMark(comment: string | null): void {
    const found = historySchemaFormat(comment);
    if (found === undefined) {
      throw new BelayError(
        'SCHEMA_TAKEN',
        `the ${this.place} is not Belay's: it has no mark of it`,
        {
          hint: 'Rename that schema, or keep the history in the store ("migrations": { "history": "store" } in the config).',
        },
      );
    }
    if (found > historyFormat) {
      throw new BelayError('NEWER_FORMAT', `the ${this.place} was made by a newer Belay`, {
        hint: 'Use that version of Belay, or a later one.',
      });
    }
  }
}

/** An entry must not say of a schema that it is another one. */
export function checkModel({ checksum }: NewHistoryEntry, model: SchemaModel | null): void {
  if (model === null || versionChecksum(model) === checksum) return;
  throw new BelayError('BUG', 'the entry of a history names another schema than its model');
}
