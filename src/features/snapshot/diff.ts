import { compareFingerprints, type FingerprintDifference } from '../../domain/fingerprint.js';
import type { TableRowDiff } from '../../domain/row-diff.js';
import { compareSchemas, type SchemaChange } from '../../domain/schema-model.js';
import { BelayError } from '../../errors.js';
import { compareRows } from '../../postgres/row-diff.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import type { Session } from '../../postgres/session.js';
import { findOrigin } from '../archive/obtain-clone.js';
import type { Target } from '../target/open-target.js';
import { type Clone, requireLive } from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { ensureCounted } from './count-previous.js';
import {
  compareCounts,
  type LiveCounts,
  type RowCountDifference,
  readLiveCounts,
} from './live-counts.js';
import { closingSessions, readingClone } from './read-clone.js';

export interface DiffOptions extends WorkOptions {
  /** A snapshot reference, or "live" for the target as it is now. */
  readonly a: string;
  readonly b: string;
  /** Compare rows too, not only their number. */
  readonly data?: boolean | undefined;
  /** Only these tables' rows, as "schema.table". */
  readonly tables?: readonly string[] | undefined;
  /** Differing rows shown of each table and kind; default 10. */
  readonly sampleLimit?: number | undefined;
  /** Time for counting a live target's rows, in milliseconds; default 60 s. */
  readonly countBudgetMs?: number | undefined;
}

/** One side of a comparison. */
export interface DiffSide {
  /** Null for the live target. */
  readonly id: string | null;
  readonly tag: string | null;
  readonly database: string;
}

export interface DiffResult {
  readonly a: DiffSide;
  readonly b: DiffSide;
  /** No difference in what was compared; rows themselves only with `data`. */
  readonly identical: boolean;
  /** What turns A's schema into B's. */
  readonly schema: readonly SchemaChange[];
  /** Tables whose number of rows differs. */
  readonly rowCounts: readonly RowCountDifference[];
  /** Sequences whose value differs; only between snapshots. */
  readonly sequences: readonly FingerprintDifference[];
  /** Rows that differ, by table; only with `data`. */
  readonly data?: readonly TableRowDiff[];
}

interface Side extends DiffSide {
  readonly clone: Clone | null;
}

type OpenSession = () => Promise<Session>;

/**
 * Compares two snapshots, or a snapshot with the live target: schema, exact row counts, and on request rows.
 *
 * @example
 * const { schema, rowCounts } = await diffSnapshots(target, { a: 'baseline', b: 'live' });
 * @throws BelayError SNAPSHOT_NOT_FOUND, TARGET_NOT_FOUND, PERMISSION_DENIED, LOCKED
 */
export async function diffSnapshots(target: Target, options: DiffOptions): Promise<DiffResult> {
  return underLock(target, options, async (work) => {
    const a = await findSide(work, options.a);
    const b = await findSide(work, options.b);
    if (a.database === b.database) return nothingDiffers(a, b, options.data ?? false);
    return readingSide(work, a, (openA) =>
      readingSide(work, b, (openB) =>
        compareSides(work, options, { ...a, openA }, { ...b, openB }),
      ),
    );
  });
}

async function findSide(work: Work, reference: string): Promise<Side> {
  if (reference === 'live') {
    const { name } = requireLive(work.timeline, work.target.database);
    return { id: null, tag: null, database: name, clone: null };
  }
  const clone = await ensureCounted(work, await findDiffable(work, reference));
  const { id, tag } = clone.record.snapshot;
  return { id, tag, database: clone.database.name, clone };
}

/** @throws BelayError NEEDS_CLONE where there is only an archive */
async function findDiffable(work: Work, reference: string): Promise<Clone> {
  const { clone, archive } = await findOrigin(work, reference);
  if (clone) return clone;
  const { tag } = archive.manifest.snapshot;
  throw new BelayError(
    'NEEDS_CLONE',
    `"${tag}" has only an archive, whose rows cannot be compared`,
    {
      hint: `\`belay restore ${tag} --to NAME\` makes a database of it.`,
    },
  );
}

function describeSide({ id, tag, database }: DiffSide): DiffSide {
  return { id, tag, database };
}

function nothingDiffers(a: Side, b: Side, data: boolean): DiffResult {
  const sides = { a: describeSide(a), b: describeSide(b), identical: true };
  return { ...sides, schema: [], rowCounts: [], sequences: [], ...(data ? { data: [] } : {}) };
}

async function readingSide<T>(
  work: Work,
  side: Side,
  read: (open: OpenSession) => Promise<T>,
): Promise<T> {
  if (side.clone) return readingClone(work, side.database, read);
  return closingSessions(() => work.target.openDatabase(side.database), read);
}

/** Compares two databases of which one may be a snapshot. Options: as of `diffSnapshots`. */
export async function compareSides(
  work: Pick<Work, 'signal'>,
  options: Omit<DiffOptions, 'a' | 'b'>,
  a: Side & { openA: OpenSession },
  b: Side & { openB: OpenSession },
): Promise<DiffResult> {
  const budgetMs = options.countBudgetMs ?? 60_000;
  const schema = await compareModels(a, b);
  const rowCounts = compareCounts(
    await countsOf(a, a.openA, budgetMs),
    await countsOf(b, b.openB, budgetMs),
  );
  const sequences = compareSequences(a, b);
  const data = options.data
    ? await compareRows(a.openA, b.openB, {
        tables: options.tables,
        sampleLimit: options.sampleLimit,
        signal: work.signal,
      })
    : undefined;
  const identical = [schema, rowCounts, sequences, data ?? []].every(({ length }) => length === 0);
  const sides = { a: describeSide(a), b: describeSide(b), identical };
  return { ...sides, schema, rowCounts, sequences, ...(data ? { data } : {}) };
}

async function compareModels(
  a: Side & { openA: OpenSession },
  b: Side & { openB: OpenSession },
): Promise<SchemaChange[]> {
  const [left, right] = [a, b].map(({ clone }) => clone?.record.snapshot.fingerprint);
  // Equal checksums are equal schemas, and nothing need be read.
  if (left && right && left.schemaChecksum === right.schemaChecksum) return [];
  const models = [await readSchemaModel(await a.openA()), await readSchemaModel(await b.openB())];
  return compareSchemas(models[0] as (typeof models)[number], models[1] as (typeof models)[number]);
}

async function countsOf(side: Side, open: OpenSession, budgetMs: number): Promise<LiveCounts> {
  const fingerprint = side.clone?.record.snapshot.fingerprint;
  return fingerprint ? fingerprint.rowCounts : readLiveCounts(await open(), budgetMs);
}

function compareSequences(a: Side, b: Side): FingerprintDifference[] {
  const [left, right] = [a, b].map(({ clone }) => clone?.record.snapshot.fingerprint);
  if (!left || !right) return [];
  return compareFingerprints(left, right).filter(({ what }) => what === 'sequence');
}
