/**
 * Belay as a library: every command of the `belay` program is one of these functions. They take a
 * target (see {@link openTarget}), report progress to a callback, stop at an AbortSignal, return
 * plain data and throw {@link BelayError}. None of them prints, asks or exits.
 *
 * @example
 * import { openTarget, restoreSnapshot, takeSnapshot, undoRestore } from 'belaydb';
 *
 * const target = await openTarget({ url: 'postgres://localhost/shop' });
 * try {
 *   await takeSnapshot(target, { tag: 'before-migration' });
 *   // … the migration went wrong:
 *   const { outageMs } = await restoreSnapshot(target, { reference: 'before-migration' });
 *   // … it had not, after all:
 *   await undoRestore(target);
 * } finally {
 *   await target.close();
 * }
 */

export type { CheckoutEvent } from './config/checkout-plan.js';
export {
  type BelayConfig,
  type BranchesConfig,
  configFileName,
  type TargetConfig,
} from './config/config.js';
export {
  type CurrentBranchPlace,
  readCurrentBranch,
  readCurrentBranches,
  type WorkTreeBranch,
} from './config/current-branch.js';
export { type LoadedConfig, loadConfig } from './config/load-config.js';
export {
  type ResolvedTarget,
  type ResolveTargetInput,
  resolveTarget,
} from './config/resolve-target.js';
export type {
  BranchBase,
  BranchGit,
  BranchIsolation,
  BranchPurpose,
  BranchRecord,
  BranchSize,
  BranchState,
} from './domain/branch.js';
export type { GcReason } from './domain/branch-gc.js';
export type { AssessedChange } from './domain/change-safety.js';
export {
  type CodeMention,
  type CodeName,
  type Confidence,
  goneNames,
} from './domain/codebase/code-name.js';
export type {
  BackupOutcome,
  DataRollback,
  DataTotals,
  DataViolation,
} from './domain/data-rollback.js';
export {
  type DatabaseSession,
  type SessionPolicy,
  sessionPolicies,
} from './domain/database-session.js';
export { type DrillDifference, describeDifference } from './domain/drill.js';
export { parseDuration } from './domain/duration.js';
export type { Fingerprint, FingerprintDifference, SequenceValue } from './domain/fingerprint.js';
export { drawGraph, type GraphRow } from './domain/graph-drawing.js';
export { toDot, toMermaid } from './domain/graph-drawing-formats.js';
export type { HistoryEntry, Rename } from './domain/history.js';
export {
  type MarkdownOptions,
  toMarkdown,
} from './domain/impact/markdown.js';
export {
  defaultPolicy,
  evaluatePolicy,
  type ImpactPolicy,
  type PolicyResult,
  type PolicyViolation,
  type WaivedImpact,
} from './domain/impact/policy.js';
export {
  type SarifLog,
  type SarifOptions,
  toSarif,
} from './domain/impact/sarif.js';
export type {
  Impact,
  ImpactPlan,
  ImpactTotals,
  LockHazard,
  LockMode,
  StatementImpact,
  Waiver,
} from './domain/impact.js';
export type { LedgerEntry, LedgerHead, NewLedgerEntry } from './domain/ledger.js';
export { parseTime } from './domain/reference.js';
export type {
  ExceededThreshold,
  ProbeRun,
  Rehearsal,
  RehearsalError,
  RehearsalSource,
  RehearsalThresholds,
  RehearsedColumn,
  RehearsedLock,
  RehearsedProbe,
  RehearsedRow,
  RehearsedSequence,
  RehearsedStatement,
  RehearsedTable,
  UntouchedProof,
} from './domain/rehearsal.js';
export { rehearsalMarkdown } from './domain/rehearsal-markdown.js';
export type { ProgressEvent, Reporter, RunOptions } from './domain/reporter.js';
export type { RetentionPolicy } from './domain/retention.js';
export type { RollbackIssue, RollbackPlan, RollbackStep } from './domain/rollback.js';
export type { TableRowDiff } from './domain/row-diff.js';
export type { Safety } from './domain/safety.js';
export {
  compareSchemas,
  type DescribedModel,
  type SchemaChange,
  type SchemaModel,
  type SchemaObject,
  versionChecksum,
} from './domain/schema-model.js';
export type { RenameCandidate } from './domain/schema-renames.js';
export type { ShadowMigration, SyncedTable, SyncResult } from './domain/shadow.js';
export {
  detectShell,
  type Shell,
  type ShellVariable,
  shellLines,
} from './domain/shell-variables.js';
export {
  type ArchiveCopy,
  archiveOf,
  type CloneCopy,
  type CopyMethod,
  cloneOf,
  type DrillState,
  forever,
  type GitState,
  type Snapshot,
  type SnapshotCopy,
  type SnapshotReason,
  type TargetName,
} from './domain/snapshot.js';
export {
  type BrokenReference,
  describeBrokenReference,
  describeReplacedRows,
  type TableLoss,
} from './domain/table-loss.js';
export { validateTag } from './domain/tag.js';
export {
  type BaseVersion,
  buildVersionGraph,
  findNode,
  type VersionGraph,
  type VersionNode,
} from './domain/version-graph.js';
export {
  ancestors,
  descendants,
  type PathStep,
  pathBetween,
} from './domain/version-graph-paths.js';
export {
  BelayError,
  type ErrorCode,
  type ErrorKind,
  errorCatalog,
  toBelayError,
} from './errors.js';
export { type ArchiveOptions, checkArchiveOptions } from './features/archive/archive-options.js';
export {
  type CheckpointOptions,
  type CheckpointResult,
  takeCheckpoint,
} from './features/archive/checkpoint.js';
export type { StoreLeftover } from './features/archive/clean-store.js';
export {
  type DrillOptions,
  type DrillOutcome,
  drillSnapshot,
} from './features/archive/drill-snapshot.js';
export {
  type ExportOptions,
  type ExportResult,
  exportSnapshot,
} from './features/archive/export.js';
export { type ImportOptions, importArchive } from './features/archive/import.js';
export { openConfiguredStore } from './features/archive/open-configured-store.js';
export { type PullOptions, pullSnapshot } from './features/archive/pull.js';
export { type MovedArchive, type PushOptions, pushSnapshot } from './features/archive/push.js';
export {
  type BrokenSeal,
  type VerifyOptions,
  type VerifyResult,
  verifyArchives,
} from './features/archive/verify-archives.js';
export {
  type BranchEnvironmentOptions,
  type BranchVariable,
  branchEnvironment,
  branchVariables,
} from './features/branch/branch-environment.js';
export {
  type ExtendBranchOptions,
  extendBranch,
  noteUse as noteBranchUse,
  type ProtectBranchOptions,
  protectBranch,
  unprotectBranch,
} from './features/branch/change-record.js';
export {
  type CreateBranchOptions,
  type CreatedBranch,
  createBranch,
} from './features/branch/create.js';
export {
  type BranchLoss,
  type ConfirmBranchDeletion,
  type DeleteBranchOptions,
  type DeletedBranch,
  deleteBranch,
} from './features/branch/delete.js';
export { type DiffBranchOptions, diffBranch } from './features/branch/diff.js';
export type { FoundBranch } from './features/branch/driver.js';
export { findBranch, findBranches, openRoot } from './features/branch/find-branch.js';
export {
  type GcBranchesOptions,
  type GcLeftover,
  type GcLoss,
  type GcResult,
  gcBranches,
  type RemovedBranch,
} from './features/branch/gc.js';
export {
  type Branch,
  type BranchList,
  type BranchStart,
  type ListBranchesOptions,
  type ListedBranch,
  listBranches,
  showBranch,
} from './features/branch/list.js';
export {
  type FollowedGit,
  type FollowGitOptions,
  followGitBranch,
} from './features/branch/on-checkout.js';
export { withBranchTarget } from './features/branch/open-branch.js';
export { type ResetBranch, type ResetBranchOptions, resetBranch } from './features/branch/reset.js';
export {
  type BranchRun,
  type RunOnBranchOptions,
  runOnBranch,
} from './features/branch/run-on-branch.js';
export {
  type BranchStatus,
  readSchemaStatus,
  type SchemaStatus,
  type SchemaStatusOptions,
} from './features/branch/schema-status.js';
export {
  type StartBranchServerOptions,
  type StartedBranchServer,
  startBranchServer,
} from './features/branch/start-server.js';
export {
  type StopIdleOptions,
  type StoppedIdleServers,
  stopIdleServers,
} from './features/branch/stop-idle.js';
export { type StoppedBranchServer, stopBranchServer } from './features/branch/stop-server.js';
export {
  leaveBranch,
  type SwitchedBranch,
  type SwitchToBranchOptions,
  switchToBranch,
} from './features/branch/switch-to.js';
export {
  type UpdateBranchOptions,
  type UpdatedBranch,
  updateBranch,
} from './features/branch/update.js';
export { type Upkeep, type UpkeepOptions, upkeepBranches } from './features/branch/upkeep.js';
export type { Check } from './features/doctor/check.js';
export { type Examination, examineTarget } from './features/doctor/examine.js';
export {
  type GatedRun,
  type RunAfterCheckpointOptions,
  runAfterCheckpoint,
} from './features/gate/run-after-checkpoint.js';
export {
  type GitHooksOptions,
  type InstalledGitHooks,
  type InstalledHook,
  type InstallGitHooksOptions,
  installGitHooks,
} from './features/git/install.js';
export { type GitHooksStatus, readGitHooks } from './features/git/status.js';
export { type UninstalledGitHooks, uninstallGitHooks } from './features/git/uninstall.js';
export {
  listVersions,
  type PlacedVersionGraph,
  type RecordedVersionSummary,
  readVersionGraph,
  type VersionList,
} from './features/history/list-versions.js';
export { type LedgerPage, type ReadLedgerOptions, readLedger } from './features/ledger/read.js';
export {
  type LedgerVerification,
  type VerifyLedgerOptions,
  verifyLedger,
} from './features/ledger/verify.js';
export type { LocalServer, LocalServerPlace } from './features/local/local-server.js';
export {
  type StartedLocalServer,
  type StartLocalServerOptions,
  startLocalServer,
} from './features/local/start.js';
export { localServerStatus } from './features/local/status.js';
export { type StoppedLocalServer, stopLocalServer } from './features/local/stop.js';
export {
  type BackupChoice,
  type BackupOptions,
  backupChoices,
  type MigrationImpact,
} from './features/migration/backup-choice.js';
export {
  type DownStep,
  type MigrateDownOptions,
  type MigrateDownResult,
  migrateDown,
} from './features/migration/down.js';
export {
  type NewMigration,
  type NewMigrationOptions,
  newMigration,
} from './features/migration/new.js';
export {
  type MigrationStatus,
  type ProjectStatus,
  readMigrationStatus,
} from './features/migration/read-status.js';
export {
  type KeptRecords,
  type MigrateUpOptions,
  type MigrateUpResult,
  type MigrationBackup,
  migrateUp,
  type UpMigration,
} from './features/migration/up.js';
export { type PlanInputOptions, planInput } from './features/plan/plan-input.js';
export {
  type PlanMigrationOptions,
  type PlanOrder,
  planMigration,
} from './features/plan/plan-migration.js';
export {
  type CodebaseSearch,
  type SearchCodebaseOptions,
  searchCodebase,
} from './features/plan/search-codebase.js';
export type { MigrationTool } from './features/project/detect-migration-tool.js';
export {
  type InitializedProject,
  type InitProjectOptions,
  initProject,
} from './features/project/init.js';
export {
  type BackedUpTable,
  type BackUpToFilesOptions,
  backUpToFiles,
  type FilesBackupResult,
} from './features/record-backup/back-up-to-files.js';
export type { PrunedRecordBackups, PrunedRecords } from './features/record-backup/prune-target.js';
export type { RecordBackupsSize } from './features/record-backup/size.js';
export type { MigrationOrder } from './features/rehearsal/migration-order.js';
export { type RehearseOptions, rehearseMigration } from './features/rehearsal/rehearse.js';
export {
  type ExecuteRollbackOptions,
  executeRollback,
  type RollbackResult,
} from './features/rollback/execute.js';
export { type PlanRollbackOptions, planRollback } from './features/rollback/plan.js';
export {
  type CompareSchemasOptions,
  compareSchemaSides,
  type SchemaComparison,
} from './features/schema/compare.js';
export type { Drift, DriftChange } from './features/schema/drift.js';
export type { SchemaScript } from './features/schema/lead.js';
export { readDrift } from './features/schema/read-drift.js';
export { readHistory } from './features/schema/read-history.js';
export { type ShowSchemaOptions, showSchema } from './features/schema/show.js';
export {
  type CreateSchemaSnapshotOptions,
  createSchemaSnapshot,
  type SchemaSnapshot,
} from './features/schema/snapshot.js';
export { type AbortShadowOptions, abortShadow, type ShadowAbort } from './features/shadow/abort.js';
export {
  type CreateShadowOptions,
  createShadow,
  type ShadowCreation,
  type ShadowTableSummary,
} from './features/shadow/create.js';
export {
  type PromoteOptions,
  type PromoteResult,
  promoteShadow,
} from './features/shadow/promote.js';
export {
  type ShadowStatus,
  type ShadowStatusOptions,
  shadowStatus,
  type UntransformedRows,
} from './features/shadow/status.js';
export { type SyncShadowOptions, syncShadow } from './features/shadow/sync.js';
export { type UndonePromote, undoPromote } from './features/shadow/undo-promote.js';
export {
  type ConfirmDeletion,
  type DeleteOptions,
  type DeleteResult,
  type DeletionLoss,
  deleteSnapshot,
} from './features/snapshot/delete.js';
export {
  type DiffOptions,
  type DiffResult,
  type DiffSide,
  diffSnapshots,
} from './features/snapshot/diff.js';
export {
  type CurrentState,
  listSnapshots,
  type SnapshotList,
  type SnapshotName,
} from './features/snapshot/list.js';
export type { RowCountDifference } from './features/snapshot/live-counts.js';
export {
  type ProtectOptions,
  type ProtectResult,
  protectSnapshot,
  unprotectSnapshot,
} from './features/snapshot/protect.js';
export {
  type PrunedSnapshot,
  type PruneOptions,
  type PruneResult,
  pruneSnapshots,
} from './features/snapshot/prune.js';
export {
  type RenameOptions,
  type RenameResult,
  renameSnapshot,
} from './features/snapshot/rename.js';
export {
  checkRestoreOptions,
  type RestoreOptions,
  type RestoreResult,
  restoreSnapshot,
} from './features/snapshot/restore.js';
export { showSnapshot } from './features/snapshot/show.js';
export {
  type SwitchOptions,
  type SwitchResult,
  switchSnapshot,
} from './features/snapshot/switch.js';
export {
  type TakenSnapshot,
  type TakeSnapshotOptions,
  takeSnapshot,
} from './features/snapshot/take.js';
export { type UndoOptions, undoRestore } from './features/snapshot/undo.js';
export {
  type RestoreSnapshotTablesOptions,
  restoreSnapshotTables,
} from './features/table/restore-snapshot-tables.js';
export { checkTableOptions } from './features/table/restore-tables.js';
export type {
  RestoredTable,
  RestoreTablesOptions,
  RestoreTablesResult,
} from './features/table/table-order.js';
export type { ProductionApproval } from './features/target/guard.js';
export type { FoundLeftover } from './features/target/leftovers.js';
export { type OpenTargetOptions, openTarget, type Target } from './features/target/open-target.js';
export {
  type LocalLeftover,
  type Repaired,
  type RepairResult,
  repairTarget,
  type SchemaLeftover,
} from './features/target/repair.js';
export {
  type ChangedSince,
  readStatus,
  type StatusOptions,
  type TargetStatus,
} from './features/target/status.js';
export type { WorkOptions } from './features/target/work.js';
export {
  type BranchRoutes,
  type BranchRoutesOptions,
  openBranchRoutes,
} from './gateway/branch-routes.js';
export { startGateway } from './gateway/gateway.js';
export {
  defaultGatewayPort,
  type Gateway,
  type GatewayConnection,
  type GatewayOptions,
} from './gateway/gateway-options.js';
export { gatewayPassword } from './gateway/gateway-password.js';
export type { GatewayRoute, GatewayRoutes } from './gateway/routes.js';
export { connectionUrl } from './postgres/connection-url.js';
export { redactUrl } from './postgres/redact-url.js';
export type { Store, StoredObject } from './store/store.js';
