import { databaseNameSchema } from '../../contract/names.js';
import { BelayError } from '../../errors.js';
import type { Catalog } from '../catalog/catalog.js';
import type { RegisteredDatabase } from './databases.js';

/** A database with what only the server itself may know. */
export interface StoredDatabase {
  readonly database: RegisteredDatabase;
  readonly targetKey: string;
  /** Null: an agent's. */
  readonly urlSealed: string | null;
}

export interface NewRow extends Omit<RegisteredDatabase, 'createdAt' | 'agentSeenAt'> {
  readonly targetKey: string;
  readonly urlSealed: string | null;
}

interface Row {
  readonly name: string;
  readonly kind: RegisteredDatabase['kind'];
  readonly environment: RegisteredDatabase['environment'];
  readonly server: string | null;
  readonly database: string | null;
  readonly store: string | null;
  readonly source: RegisteredDatabase['source'];
  readonly target_key: string;
  readonly url_sealed: string | null;
  readonly created_at: Date;
  readonly agent_seen_at: Date | null;
}

const doing = 'looking at the registered databases';
const table = 'belay_server.databases';

/** The rows of the registered databases. */
export class DatabaseTable {
  readonly #catalog: Catalog;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  async read(): Promise<ReadonlyMap<string, StoredDatabase>> {
    const rows = await this.#catalog.query<Row>(`SELECT * FROM ${table} ORDER BY name`, [], doing);
    return new Map(rows.map((row) => [row.name, toStored(row)]));
  }

  /** @returns undefined where the name is taken */
  insert(row: NewRow): Promise<RegisteredDatabase | undefined> {
    return this.#write(row, 'ON CONFLICT (name) DO NOTHING');
  }

  /** @returns undefined where the name is another one's that was registered over HTTP */
  upsertConfigured(row: NewRow): Promise<RegisteredDatabase | undefined> {
    return this.#write(
      row,
      `ON CONFLICT (name) DO UPDATE
         SET url_sealed = excluded.url_sealed, environment = excluded.environment, kind = excluded.kind,
             server = excluded.server, database = excluded.database, store = excluded.store,
             source = excluded.source, target_key = excluded.target_key
       WHERE databases.source = 'config' OR databases.target_key = excluded.target_key`,
    );
  }

  async #write(row: NewRow, onConflict: string): Promise<RegisteredDatabase | undefined> {
    const [stored] = await this.#catalog.query<Row>(
      `INSERT INTO ${table}
         (name, kind, url_sealed, environment, server, database, store, source, target_key)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ${onConflict} RETURNING *`,
      [
        ...[row.name, row.kind, row.urlSealed, row.environment, row.server],
        ...[row.database, row.store, row.source, row.targetKey],
      ],
      `registering "${row.name}"`,
    );
    return stored && toStored(stored).database;
  }

  /** @returns undefined where there is none of the name */
  async update(
    name: string,
    change: Readonly<Partial<Omit<Row, 'name' | 'created_at' | 'agent_seen_at'>>>,
  ): Promise<RegisteredDatabase | undefined> {
    const columns = Object.keys(change);
    // An UPDATE needs a column: without a change, the name itself.
    const set = ['name = $1', ...columns.map((column, at) => `${column} = $${at + 2}`)].join(', ');
    const [row] = await this.#catalog.query<Row>(
      `UPDATE ${table} SET ${set} WHERE name = $1 RETURNING *`,
      [name, ...Object.values(change)],
      `changing "${name}"`,
    );
    return row && toStored(row).database;
  }

  async delete(name: string): Promise<boolean> {
    const rows = await this.#catalog.query(
      `DELETE FROM ${table} WHERE name = $1 RETURNING name`,
      [name],
      `removing "${name}"`,
    );
    return rows.length > 0;
  }

  async agentSeen(names: readonly string[]): Promise<void> {
    // At most once in ten seconds each: an agent asks all the time.
    await this.#catalog.query(
      `UPDATE ${table} SET agent_seen_at = clock_timestamp()
        WHERE name = ANY ($1) AND kind = 'agent'
          AND (agent_seen_at IS NULL OR agent_seen_at < clock_timestamp() - interval '10 seconds')`,
      [names],
      'noting an agent',
    );
  }
}

function toStored(row: Row): StoredDatabase {
  const { name, kind, environment, server, database, store, source } = row;
  return {
    database: {
      ...{ name, kind, environment, server, database, store, source },
      createdAt: new Date(row.created_at).toISOString(),
      agentSeenAt: row.agent_seen_at && new Date(row.agent_seen_at).toISOString(),
    },
    targetKey: row.target_key,
    urlSealed: row.url_sealed,
  };
}

/** @throws BelayError BAD_NAME */
export function checkDatabaseName(name: string): void {
  if (databaseNameSchema.safeParse(name).success) return;
  throw new BelayError('BAD_NAME', 'that is not a name for a registered database', {
    hint: 'Letters, digits, ".", "_" and "-", not starting with "." or "-", at most 63.',
    details: { field: 'name' },
  });
}
