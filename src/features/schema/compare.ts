import { type AssessedChange, assessChanges } from '../../domain/change-safety.js';
import type { Rename } from '../../domain/history.js';
import { withOwnersOf } from '../../domain/owners.js';
import { type Reporter, reportStep, silentReporter } from '../../domain/reporter.js';
import {
  compareSchemas,
  type SchemaModel,
  versionChecksum,
  withoutColumnOrder,
} from '../../domain/schema-model.js';
import { type RenameCandidate, renameCandidates } from '../../domain/schema-renames.js';
import { BelayError } from '../../errors.js';
import type { Target } from '../target/open-target.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { leadFrom, type SchemaScript } from './lead.js';
import { noScratch, type Scratch, withScratch } from './scratch.js';
import { findSide, type OpenableSide, type SchemaSide } from './side.js';

export interface CompareSchemasOptions extends WorkOptions {
  /** "live", a version, a snapshot, a database URL or a `.sql` file. */
  readonly a: string;
  readonly b: string;
  /** Also the SQL that turns A into B, proven in a throwaway database. */
  readonly sql?: boolean | undefined;
  /** What was renamed from A to B; names as in the changes. */
  readonly renames?: readonly Omit<Rename, 'object'>[] | undefined;
  /** Nothing was renamed: what went was dropped, what came is new. */
  readonly noRenames?: boolean | undefined;
  /** Asks which candidates are renames; without it, and without an answer in the options, `sql` is refused. */
  readonly askRenames?:
    | ((candidates: readonly RenameCandidate[]) => Promise<readonly Rename[]>)
    | undefined;
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** A side as a result names it. */
export interface ComparedSide extends SchemaSide {
  readonly checksum: string;
  /** Objects that the model does not know: equal checksums do not say that they are equal. */
  readonly unmodelled: readonly string[];
}

export interface SchemaComparison {
  readonly a: ComparedSide;
  readonly b: ComparedSide;
  readonly identical: boolean;
  /** What turns A's schema into B's. */
  readonly changes: readonly AssessedChange[];
  /** What went and came so much alike that it may have been renamed. */
  readonly renameCandidates: readonly RenameCandidate[];
  /** Only where it was asked for: applied to a copy of A's schema, which then was B's but for what is `unresolved`. */
  readonly script?: SchemaScript;
}

/**
 * Compares the schemas of two sides, and on request finds the SQL that turns the first into the second. The SQL is applied
 * to a copy of A's schema, and the result is read and compared with B again.
 *
 * @example
 * const { changes } = await compareSchemaSides(target, { a: '20261120', b: 'live' });
 * @param target null where both sides are files or URLs
 * @throws BelayError VERSION_NOT_FOUND, SNAPSHOT_NOT_FOUND, MODEL_NOT_KEPT, BAD_SCHEMA_FILE, RENAME_UNDECIDED, SCHEMA_NOT_BUILT
 */
export async function compareSchemaSides(
  target: Target | null,
  options: CompareSchemasOptions,
): Promise<SchemaComparison> {
  if (!target) return compareWith(null, options);
  return underLock(target, options, (work) => compareWith(work, options));
}

async function compareWith(
  work: Work | null,
  options: CompareSchemasOptions,
): Promise<SchemaComparison> {
  const { env = work?.target.env ?? process.env, cwd = work?.target.cwd ?? process.cwd() } =
    options;
  const { signal, reporter = silentReporter } = options;
  const context = { work, cwd, env, signal };
  const sides = [await findSide(context, options.a), await findSide(context, options.b)] as const;
  const isForeign = sides.some(({ kind }) => kind === 'file');
  const place = { target: work?.target ?? null, env, signal, reporter };
  const compare = (scratch: () => Promise<Scratch>) =>
    compareSides(sides, scratch, options, reporter);
  if (!options.sql && !isForeign) return compare(noScratch);
  return withScratch({ ...place, runs: isForeign ? 'foreign' : 'own' }, (scratch) =>
    compare(async () => scratch),
  );
}

async function compareSides(
  sides: readonly [OpenableSide, OpenableSide],
  scratch: () => Promise<Scratch>,
  options: CompareSchemasOptions,
  reporter: Reporter,
): Promise<SchemaComparison> {
  const [a, b] = sides;
  const [before, after] = await reportStep(reporter, { name: 'read the schemas' }, async () => {
    const models = [await a.readModel(scratch), await b.readModel(scratch)] as const;
    return adoptOwners(sides, models);
  });
  const changes = assessed(before, after);
  const candidates = renameCandidates(before, after);
  const result = {
    ...{ a: describe(a, before), b: describe(b, after) },
    ...{ identical: changes.length === 0, changes, renameCandidates: candidates },
  };
  if (!options.sql) return result;
  const renames = await decideRenames(options, candidates);
  const order = { from: a, to: b, before, after, renames, reporter };
  return { ...result, script: await leadFrom(await scratch(), order) };
}

const describe = (side: SchemaSide, model: SchemaModel): ComparedSide => ({
  ...{ kind: side.kind, label: side.label, checksum: versionChecksum(model) },
  unmodelled: model.unmodelled ?? [],
});

/** What leads from one schema to another, the order of tables' columns aside, with what it does to rows. */
export function assessed(before: SchemaModel, after: SchemaModel): AssessedChange[] {
  const [a, b] = [withoutColumnOrder(before), withoutColumnOrder(after)];
  return assessChanges(compareSchemas(a, b), a, b);
}

/** A file does not say whose its objects are: they are taken to be whose the same objects of the other side are. */
function adoptOwners(
  [a, b]: readonly [SchemaSide, SchemaSide],
  [before, after]: readonly [SchemaModel, SchemaModel],
): readonly [SchemaModel, SchemaModel] {
  if (a.kind === 'file' && b.kind !== 'file') return [withOwnersOf(before, after), after];
  if (b.kind === 'file' && a.kind !== 'file') return [before, withOwnersOf(after, before)];
  return [before, after];
}

/** @throws BelayError RENAME_UNDECIDED, USAGE where a rename is named that is none */
async function decideRenames(
  options: CompareSchemasOptions,
  candidates: readonly RenameCandidate[],
): Promise<readonly Rename[]> {
  const named = (options.renames ?? []).map((rename) => requireCandidate(rename, candidates));
  const open = candidates.filter(
    ({ from, to }) => !named.some((one) => one.from === from || one.to === to),
  );
  if (options.noRenames || open.length === 0) return named;
  if (options.askRenames) return [...named, ...(await options.askRenames(open))];
  const [first] = open;
  throw new BelayError(
    'RENAME_UNDECIDED',
    `${open.map(({ object, from, to }) => `${object} ${from} → ${to}`).join(', ')}: renamed, or dropped and added?`,
    {
      hint: `Say --rename '${first?.from}=${first?.to}' for what was renamed, and --no-renames for the rest: a drop takes its data along.`,
      details: { candidates: open },
    },
  );
}

function requireCandidate(
  { from, to }: Omit<Rename, 'object'>,
  candidates: readonly RenameCandidate[],
): Rename {
  const found = candidates.find((one) => one.from === from && one.to === to);
  if (found) return { object: found.object, from, to };
  throw new BelayError('USAGE', `${from} cannot have been renamed to ${to}`, {
    hint: 'The first has to be gone on the other side, the second new there, and both of one kind. `belay schema diff A B` shows the candidates.',
  });
}
