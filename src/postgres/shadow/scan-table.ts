import type { MappedTable } from '../../domain/shadow.js';
import type { Session } from '../session.js';
import type { StageOrder } from './apply-stage.js';

export interface TableScan {
  /** In a REPEATABLE READ transaction, or in one that holds the table against writers. */
  readonly source: Session;
  /** In a transaction: what is brought over is part of it. */
  readonly shadow: Session;
  readonly table: MappedTable;
  /** `pg_snapshot` of the target at a time that the shadow has wholly. */
  readonly since: string;
  /**
   * Rows of the shadow's table before this scan, where they were counted just before and nobody else writes to it: then they
   * are counted again only where something does not fit.
   */
  readonly rowsInShadow?: number | undefined;
  /** Called before the first row of the shadow's table is written. */
  readonly beforeWriting?: (() => Promise<void>) | undefined;
  /** Called when rows are staged and merged. */
  readonly onMerged?: ((order: StageOrder) => Promise<void>) | undefined;
}

export interface ScannedTable {
  /** Rows that are others in the shadow now, or new there. */
  readonly upserted: number;
  readonly deleted: number;
  readonly rowsInSource: number;
  readonly rowsInShadow: number;
  /** What the migration inserted and the target does not have, less what it deleted and the target still has. */
  readonly rowsByMigration: number;
}
