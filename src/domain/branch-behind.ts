import type { AppliedMigration, MigrationFile } from './migration.js';

/** A migration by its name, for people. */
export interface NamedMigration {
  readonly version: string;
  readonly name: string;
}

/** One that a branch has not. */
export interface MissingMigration extends NamedMigration {
  /** The target has it applied. */
  readonly isApplied: boolean;
  /** The main git branch has its files. */
  readonly isInMain: boolean;
}

/** One that the branch has, and the target has not. */
export interface AheadMigration extends NamedMigration {
  /** The main git branch has its files: the target will get it too. Else it is the branch's own work. */
  readonly isInMain: boolean;
}

/** A migration that the branch has in another form than the target, or than the files. */
export interface ChangedMigration extends NamedMigration {
  readonly from: 'target' | 'files';
}

export interface BehindInput {
  /** Of the branch, in the order of application. */
  readonly applied: readonly AppliedMigration[];
  /** Of the target. */
  readonly target: readonly AppliedMigration[];
  /** The main git branch's files; none where they are not known. */
  readonly main: readonly MigrationFile[];
  /** The files of the working tree that works on this branch; null: no working tree that is known does. */
  readonly own: readonly MigrationFile[] | null;
}

/** How a branch's schema stands to what it started from, by the migrations that are applied. */
export interface BranchBehind {
  /** What the target or the main git branch has, and the branch has not: what `update` applies, in its order. */
  readonly missing: readonly MissingMigration[];
  readonly ahead: readonly AheadMigration[];
  readonly changed: readonly ChangedMigration[];
  /** In the working tree's own files alone, and not applied yet. */
  readonly pending: readonly NamedMigration[];
}

const named = ({ version, name }: NamedMigration): NamedMigration => ({ version, name });

/** Compares by version: that is what names a migration in every tool's record. */
export function compareWithTarget({ applied, target, main, own }: BehindInput): BranchBehind {
  const here = byVersion(applied);
  const there = byVersion(target);
  const files = byVersion(main);
  // The files know the order; of what has none any more the target knows it.
  const known = [...main, ...target.filter(({ version }) => !files.has(version))];
  const missing = known
    .filter(({ version }) => !here.has(version))
    .map((one) => ({
      ...named(one),
      isApplied: there.has(one.version),
      isInMain: files.has(one.version),
    }));
  const others = new Set(missing.map(({ version }) => version));
  return {
    missing,
    ahead: applied
      .filter(({ version }) => !there.has(version))
      .map((one) => ({ ...named(one), isInMain: files.has(one.version) })),
    changed: applied.flatMap((one) => changeOf(one, there, byVersion(own ?? main)) ?? []),
    pending: (own ?? [])
      .filter(({ version }) => !here.has(version) && !others.has(version))
      .map(named),
  };
}

function byVersion<T extends NamedMigration>(all: readonly T[]): ReadonlyMap<string, T> {
  return new Map(all.map((one) => [one.version, one]));
}

type Checked = NamedMigration & { readonly checksum: string | null };

function changeOf(
  one: AppliedMigration,
  target: ReadonlyMap<string, Checked>,
  files: ReadonlyMap<string, Checked>,
): ChangedMigration | undefined {
  const differs = (other: Checked | undefined) =>
    other !== undefined &&
    one.checksum !== null &&
    other.checksum !== null &&
    one.checksum !== other.checksum;
  if (differs(target.get(one.version))) return { ...named(one), from: 'target' };
  if (differs(files.get(one.version))) return { ...named(one), from: 'files' };
  return undefined;
}

export type BehindState = 'current' | 'behind' | 'ahead' | 'diverged' | 'unknown';

/** In one word: "diverged" has work of its own and lacks others'. */
export function behindState({ missing, ahead }: BranchBehind): BehindState {
  if (missing.length === 0) return ahead.length > 0 ? 'ahead' : 'current';
  return ahead.every(({ isInMain }) => isInMain) ? 'behind' : 'diverged';
}
