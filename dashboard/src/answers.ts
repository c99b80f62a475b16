import type { InventoryProblem } from '../../src/contract/inventory.js';
import type { DataRollback } from '../../src/domain/data-rollback.js';
import type { FingerprintDifference } from '../../src/domain/fingerprint.js';
import type { LedgerHead } from '../../src/domain/ledger.js';
import type { LedgerFinding } from '../../src/domain/ledger-chain.js';
import type { RollbackPlan } from '../../src/domain/rollback.js';
import type { TableRowDiff } from '../../src/domain/row-diff.js';
import type { Safety } from '../../src/domain/safety.js';
import type { SchemaChange } from '../../src/domain/schema-model.js';
import type { VersionNode } from '../../src/domain/version-graph.js';

export type { Person as PersonRecord, Token as TokenRecord } from '../../src/contract/access.js';
export type { Schedule, ScheduledType } from '../../src/contract/schedule.js';
export type { Webhook, WebhookDelivery } from '../../src/contract/webhook.js';

/** Answers of the API, as `docs/serve.md` and `/api/docs` describe them, where no shape of the library's own says it. */

export interface ComparedSide {
  /** Null: the live database. */
  readonly id: string | null;
  readonly tag: string | null;
  readonly database: string;
}

/** Of POST /api/comparisons. */
export interface Comparison {
  readonly a: ComparedSide;
  readonly b: ComparedSide;
  readonly identical: boolean;
  readonly schema: readonly SchemaChange[];
  readonly rowCounts: readonly RowCountDifference[];
  readonly sequences: readonly FingerprintDifference[];
  readonly data?: readonly TableRowDiff[];
}

/** Null: the side has no such table, or, with `unknown`, it was not counted in time. */
export interface RowCountDifference {
  readonly table: string;
  readonly a: number | null;
  readonly b: number | null;
  readonly unknown?: true;
}

/** Of GET /api/drift. */
export interface Drift {
  readonly drifted: boolean;
  readonly changes: readonly (SchemaChange & {
    readonly safety: Safety;
    readonly seen: {
      readonly owner: string | null;
      readonly changedAt: string | null;
      readonly by: string | null;
      readonly statement: string | null;
    } | null;
  })[];
  readonly recorded: { readonly version: string; readonly at: string; readonly checksum: string };
  readonly live: { readonly checksum: string };
  readonly notes: readonly string[];
}

export interface Versions {
  readonly versions: readonly VersionNode[];
  readonly current: string | null;
  /** Why the last look at the database failed; the rest is then of an older one. */
  readonly problem: InventoryProblem | null;
}

/** Of POST /api/rollbacks. */
export interface Rollback {
  readonly ok: boolean;
  readonly from: string;
  readonly to: string;
  readonly rolledBack: readonly string[];
  readonly snapshot: { readonly id: string; readonly tag: string; readonly kind: string } | null;
  readonly restored: { readonly rows: number; readonly values: number };
  readonly data: DataRollback | null;
  readonly verified: boolean;
  readonly differences: readonly SchemaChange[];
  readonly plan: RollbackPlan;
  readonly durationMs: number;
}

/** Of POST /api/ledger/verify. */
export interface LedgerVerification {
  readonly ok: boolean;
  readonly entries: number;
  readonly manifests: number;
  readonly head: LedgerHead | null;
  readonly broken: readonly LedgerFinding[];
}
