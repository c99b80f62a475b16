import { BelayError } from '../errors.js';
import {
  type AppliedMigration,
  compareVersions,
  isVersion,
  type MigrationFile,
  type MigrationScript,
  versionBeforeFirst,
} from './migration.js';

/** A migration that is in force, seen beside the files. */
export interface AppliedStatus {
  readonly version: string;
  readonly name: string;
  /** ISO 8601; null where it was not recorded. */
  readonly appliedAt: string | null;
  /** SHA-256 of the way up as it was applied; null where it was not recorded. */
  readonly checksum: string | null;
  /** The file says something else now. */
  readonly changed: boolean;
  /** No file has this version. */
  readonly missingFile: boolean;
}

export interface PendingMigration {
  readonly version: string;
  readonly name: string;
  readonly file: string;
}

/** Where a database stands beside the project's files. */
export interface MigrationStatus {
  /** In the order of application. */
  readonly applied: readonly AppliedStatus[];
  readonly pending: readonly PendingMigration[];
  /** Version of the last applied one; "0" before the first. */
  readonly current: string;
}

/** What is there to decide by. */
export interface MigrationSituation {
  readonly files: readonly MigrationFile[];
  /** In the order of application. */
  readonly applied: readonly AppliedMigration[];
}

export interface PlanUpOptions {
  /** The last version to apply; default: all. */
  readonly to?: string | undefined;
  /** Also those that come before one that is applied. */
  readonly allowOutOfOrder?: boolean | undefined;
  /** Also where applied versions have no file. */
  readonly allowMissing?: boolean | undefined;
}

/** A migration to be taken back, with its way down. */
export interface DownStep {
  readonly version: string;
  readonly name: string;
  readonly script: MigrationScript;
  /** The script is the recorded one: the file is gone, or has none. */
  readonly fromHistory: boolean;
}

const titleOf = ({ version, name }: { version: string; name: string }): string =>
  name === '' ? version : `${version}_${name}`;

const titles = (all: readonly { version: string; name: string }[]): string =>
  all.map(titleOf).join(', ');

function isPending({ applied }: MigrationSituation): (file: MigrationFile) => boolean {
  const versions = new Set(applied.map(({ version }) => version));
  return ({ version }) => !versions.has(version);
}

export function currentVersion(applied: readonly { readonly version: string }[]): string {
  return applied.at(-1)?.version ?? versionBeforeFirst;
}

export function toPending({ version, name, up }: MigrationFile): PendingMigration {
  return { version, name, file: up?.file ?? '' };
}

/** Compares what is applied with the files. */
export function migrationStatus(situation: MigrationSituation): MigrationStatus {
  const files = new Map(situation.files.map((file) => [file.version, file]));
  const applied = situation.applied.map((one): AppliedStatus => {
    const { version, name, appliedAt, checksum } = one;
    const file = files.get(version);
    const changed = file !== undefined && checksum !== null && file.checksum !== checksum;
    return { version, name, appliedAt, checksum, changed, missingFile: file === undefined };
  });
  const pending = situation.files.filter(isPending(situation)).map(toPending);
  return { applied, pending, current: currentVersion(applied) };
}

/**
 * The migrations to apply, in their order.
 * @throws BelayError MIGRATION_CHANGED, HISTORY_AHEAD, OUT_OF_ORDER, VERSION_NOT_FOUND, VERSION_IS_CURRENT
 */
export function planUp(situation: MigrationSituation, options: PlanUpOptions): MigrationFile[] {
  checkFiles(situation, options.allowMissing ?? false);
  const last = options.to === undefined ? undefined : findGoal(situation, options.to);
  const pending = situation.files
    .filter(isPending(situation))
    .filter(({ version }) => last === undefined || compareVersions(version, last.version) <= 0);
  if (!options.allowOutOfOrder) checkOrder(situation, pending);
  return pending;
}

function checkFiles(situation: MigrationSituation, allowMissing: boolean): void {
  const { applied } = migrationStatus(situation);
  const changed = applied.filter((one) => one.changed);
  if (changed.length > 0) {
    const files = changed.map(
      ({ version }) => situation.files.find((file) => file.version === version)?.up?.file,
    );
    throw new BelayError('MIGRATION_CHANGED', `changed after it was applied: ${files.join(', ')}`, {
      hint: 'Nothing was run. Put the file back as it was (`git log` knows it), and write a new migration for what has to change.',
      details: { versions: changed.map(({ version }) => version), files },
    });
  }
  const missing = applied.filter((one) => one.missingFile);
  if (missing.length > 0 && !allowMissing) {
    throw new BelayError('HISTORY_AHEAD', `applied, and without a file here: ${titles(missing)}`, {
      hint: 'Nothing was run. Switch to the branch that has the files, take them back with `belay migrate down`, or go on with --allow-missing.',
      details: { versions: missing.map(({ version }) => version) },
    });
  }
}

function checkOrder({ applied }: MigrationSituation, pending: readonly MigrationFile[]): void {
  const latest = applied
    .map(({ version }) => version)
    .sort(compareVersions)
    .at(-1);
  if (latest === undefined) return;
  const late = pending.filter(({ version }) => compareVersions(version, latest) < 0);
  if (late.length === 0) return;
  throw new BelayError(
    'OUT_OF_ORDER',
    `pending, and before ${latest}, which is applied: ${titles(late)}`,
    {
      hint: 'Nothing was run. Give them later versions, or apply them where they are with --out-of-order.',
      details: { versions: late.map(({ version }) => version), latest },
    },
  );
}

function notFound(reference: string): BelayError {
  return new BelayError('VERSION_NOT_FOUND', `no migration has the version "${reference}"`, {
    hint: '`belay migrate status` lists them.',
  });
}

function isCurrent(what: string, hint: string): BelayError {
  return new BelayError('VERSION_IS_CURRENT', what, { hint: `Nothing was run. ${hint}` });
}

function findGoal({ files, applied }: MigrationSituation, to: string): MigrationFile {
  const known = applied.find((one) => isVersion(to, one));
  const current = currentVersion(applied);
  if (known?.version === current) {
    throw isCurrent(`the database is at ${current} already`, '`belay migrate status` shows it.');
  }
  if (known || to === versionBeforeFirst) {
    throw isCurrent(
      `${to} is behind the database, which is at ${current}`,
      `\`belay migrate down --to ${to}\` goes back to it.`,
    );
  }
  const file = files.find((one) => isVersion(to, one));
  if (!file) throw notFound(to);
  return file;
}

/**
 * The migrations to take back, the last applied one first: what was applied after `to`, or one without it.
 * @throws BelayError VERSION_NOT_FOUND, VERSION_IS_CURRENT, NO_WAY_DOWN
 */
export function planDown(situation: MigrationSituation, to: string | undefined): DownStep[] {
  const { applied } = situation;
  if (applied.length === 0) {
    throw isCurrent('no migration is applied', 'There is nothing to take back.');
  }
  const keep = to === undefined ? applied.length - 1 : findKept(situation, to);
  return applied
    .slice(keep)
    .reverse()
    .map((one) => downStep(one, situation));
}

/** How many stay. */
function findKept({ files, applied }: MigrationSituation, to: string): number {
  if (to === versionBeforeFirst) return 0;
  const at = applied.findIndex((one) => isVersion(to, one));
  if (at === applied.length - 1) {
    throw isCurrent(`the database is at ${to} already`, '`belay migrate status` shows it.');
  }
  if (at >= 0) return at + 1;
  if (!files.some((one) => isVersion(to, one))) throw notFound(to);
  throw isCurrent(
    `${to} is not applied: the way to it is not down`,
    `\`belay migrate up --to ${to}\` goes there.`,
  );
}

function downStep(one: AppliedMigration, { files }: MigrationSituation): DownStep {
  const { version, name } = one;
  const file = files.find((other) => other.version === version);
  const script = file?.down ?? one.down;
  if (script) return { version, name, script, fromHistory: !file?.down };
  throw new BelayError('NO_WAY_DOWN', `nobody wrote a way down for ${titleOf(one)}`, {
    hint: `Nothing was run. \`belay rollback plan\` finds a way from the recorded schemas; or write ${file?.up ? 'its down script' : 'a migration that takes it back'}.`,
    details: { version },
  });
}
