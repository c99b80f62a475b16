import type { ImpactPlan } from '../../domain/impact.js';
import type { MigrationScript } from '../../domain/migration.js';
import type { ScriptHooks } from '../../postgres/run-script.js';
import type { Session } from '../../postgres/session.js';
import type { BackupChoice, BackupOptions } from '../migration/backup-choice.js';
import type { RunMigrationsOptions } from '../migration/run-steps.js';

/** What was kept of one statement's loss. */
export interface KeptRecords {
  readonly table: string;
  readonly column: string | null;
  readonly rows: number;
}

export interface StepBackupOrder extends BackupOptions, RunMigrationsOptions {
  readonly script: MigrationScript;
  readonly version: string;
  readonly choice: BackupChoice;
  readonly approved: ImpactPlan | undefined;
}

export interface StepBackup {
  readonly hooks: ScriptHooks;
  kept(): readonly KeptRecords[];
}

export async function stepBackup(
  _session: Session,
  _order: StepBackupOrder,
): Promise<StepBackup | null> {
  return null;
}
