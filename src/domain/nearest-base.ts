import type { AppliedMigration, MigrationFile } from './migration.js';

/** A database that a new branch could start from. */
export interface BaseCandidate {
  /** As `branch create --from` takes it. */
  readonly from: string;
  readonly kind: 'live' | 'branch' | 'snapshot';
  /** What is applied to it, in that order. */
  readonly applied: readonly Pick<AppliedMigration, 'version' | 'name' | 'checksum'>[];
  /** ISO 8601; of two that are equally near, the newer one is taken. */
  readonly at: string;
}

export interface NearestBase {
  readonly candidate: BaseCandidate;
  /** Migrations that it has, and the files have not, or have otherwise; none of an ancestor. */
  readonly foreign: readonly string[];
  /** Migrations of the files that it lacks: to be applied to the branch. */
  readonly missing: readonly string[];
}

type Files = readonly Pick<MigrationFile, 'version' | 'name' | 'checksum'>[];

/**
 * The database from which the fewest migrations lead to a set of files: of those to which nothing else is applied, the one
 * with the most. Where there is none, the live target, or the first candidate.
 * @returns null without candidates
 */
export function nearestBase(
  candidates: readonly BaseCandidate[],
  files: Files,
): NearestBase | null {
  const described = candidates.map((candidate) => describe(candidate, files));
  const [best] = described
    .filter(({ foreign }) => foreign.length === 0)
    .sort((a, b) => a.missing.length - b.missing.length || compareKinds(a, b));
  return (
    best ?? described.find(({ candidate }) => candidate.kind === 'live') ?? described[0] ?? null
  );
}

const order = ['live', 'branch', 'snapshot'];

function compareKinds({ candidate: a }: NearestBase, { candidate: b }: NearestBase): number {
  return order.indexOf(a.kind) - order.indexOf(b.kind) || b.at.localeCompare(a.at);
}

function describe(candidate: BaseCandidate, files: Files): NearestBase {
  const byVersion = new Map(files.map((file) => [file.version, file]));
  const foreign = candidate.applied.filter(({ version, checksum }) => {
    const file = byVersion.get(version);
    // A file that was changed after it was applied leads elsewhere.
    return !file || (checksum !== null && checksum !== file.checksum);
  });
  const applied = new Set(candidate.applied.map(({ version }) => version));
  return {
    candidate,
    foreign: foreign.map(titleOf),
    missing: files.filter(({ version }) => !applied.has(version)).map(titleOf),
  };
}

const titleOf = ({ version, name }: { readonly version: string; readonly name: string }): string =>
  name === '' ? version : `${version}_${name}`;
