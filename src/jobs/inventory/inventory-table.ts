import { createHash } from 'node:crypto';
import type { Inventory } from '../../contract/inventory.js';
import type { Catalog } from '../catalog/catalog.js';

/** The rows in which the last known inventories outlive a server, and by which those of agents reach every server. */
export class InventoryTable {
  readonly #catalog: Catalog;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  async read(name: string): Promise<Inventory | undefined> {
    const [row] = await this.#catalog.query<{ document: string }>(
      'SELECT document FROM belay_server.inventories WHERE database = $1',
      [name],
      `reading what is known of "${name}"`,
    );
    return row && (JSON.parse(row.document) as Inventory);
  }

  /** @returns undefined where it is the one of the digest, or there is none */
  async readChanged(
    name: string,
    digest: string | undefined,
  ): Promise<{ readonly inventory: Inventory; readonly digest: string } | undefined> {
    const [row] = await this.#catalog.query<{ digest: string; document: string }>(
      'SELECT digest, document FROM belay_server.inventories WHERE database = $1 AND digest IS DISTINCT FROM $2',
      [name, digest ?? null],
      `reading what is known of "${name}"`,
    );
    return row && { inventory: JSON.parse(row.document) as Inventory, digest: row.digest };
  }

  /** One that was removed meanwhile is not kept. @returns whether it was kept */
  async write(inventory: Inventory, digest: string): Promise<boolean> {
    // The lock keeps the database there until the row that refers to it is.
    const rows = await this.#catalog.query(
      `INSERT INTO belay_server.inventories (database, looked_at, digest, document)
       SELECT name, clock_timestamp(), $2, $3 FROM belay_server.databases WHERE name = $1 FOR KEY SHARE
       ON CONFLICT (database) DO UPDATE
         SET looked_at = excluded.looked_at, digest = excluded.digest, document = excluded.document
       RETURNING database`,
      [inventory.database, digest, JSON.stringify(inventory)],
      `keeping what is known of "${inventory.database}"`,
    );
    return rows.length > 0;
  }
}

/** The same for two looks that found the same; when they looked, and how large it is just now, does not count. */
export function digestOf({ at: _at, sizeBytes: _size, ...found }: Inventory): string {
  return createHash('sha256').update(JSON.stringify(found)).digest('hex');
}
