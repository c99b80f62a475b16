import type { InventoryProblem } from '../../src/contract/inventory.js';
import type { Job } from '../../src/contract/job.js';
import type { Scope } from '../../src/contract/scope.js';
import type { DataRollback } from '../../src/domain/data-rollback.js';
import type { FingerprintDifference } from '../../src/domain/fingerprint.js';
import type { LedgerHead } from '../../src/domain/ledger.js';
import type { LedgerFinding } from '../../src/domain/ledger-chain.js';
import type { RollbackPlan } from '../../src/domain/rollback.js';
import type { TableRowDiff } from '../../src/domain/row-diff.js';
import type { Safety } from '../../src/domain/safety.js';
import type { SchemaChange } from '../../src/domain/schema-model.js';
import type { VersionNode } from '../../src/domain/version-graph.js';

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

export interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly kind: 'token' | 'agent';
  readonly scopes: readonly Scope[];
  readonly databases: readonly string[] | null;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly lastUsedAt: string | null;
  readonly revokedAt: string | null;
}

export interface PersonRecord {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly databases: readonly string[] | null;
  readonly createdAt: string;
}

export type ScheduledType =
  | 'checkpoint'
  | 'snapshot'
  | 'prune'
  | 'drill-old'
  | 'branch-gc'
  | 'drift';

export interface Schedule {
  readonly id: string;
  readonly database: string;
  readonly name: string;
  readonly cron: string;
  readonly timezone: string;
  readonly type: ScheduledType;
  readonly input: Readonly<Record<string, unknown>>;
  readonly enabled: boolean;
  readonly nextAt: string | null;
  readonly lastJob: Pick<Job, 'id' | 'state' | 'createdAt'> | null;
  /** Why the last occurrence became no job. */
  readonly problem: string | null;
}

export interface Webhook {
  readonly id: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly databases: readonly string[] | null;
  /** False: its receiver said that it is gone. */
  readonly enabled: boolean;
  readonly createdAt: string;
  readonly lastAttempt: { readonly at: string; readonly ok: boolean } | null;
}

export interface WebhookDelivery {
  readonly id: string;
  readonly event: string;
  readonly database: string | null;
  readonly state: 'pending' | 'delivered' | 'given-up';
  readonly attempts: number;
  readonly createdAt: string;
  readonly nextAttemptAt: string | null;
  readonly deliveredAt: string | null;
  /** Of the receiver's last answer. */
  readonly status: number | null;
  readonly problem: string | null;
}
