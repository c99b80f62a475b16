import { type DrillDifference, describeDifference } from '../../domain/drill.js';
import { parseDuration } from '../../domain/duration.js';
import { BelayError, toBelayError } from '../../errors.js';
import { drillSnapshot } from '../../features/archive/drill-snapshot.js';
import { verifyArchives } from '../../features/archive/verify-archives.js';
import { type Entry, readWholeTimeline } from '../../features/archive/whole-timeline.js';
import { verifyLedger } from '../../features/ledger/verify.js';
import { readTimeline } from '../../features/target/timeline.js';
import { throwIfAborted } from '../../features/target/work.js';
import type { JobEnd, JobVerbs, JobWork } from './job-work.js';
import { readLedgerPage } from './ledger-page.js';

type ProofJob = 'drill' | 'drill-old' | 'verify' | 'ledger' | 'ledger-verify';

/** What is in the store is proven again. */
export const proofVerbs: JobVerbs<ProofJob> = {
  drill: async ({ target, input, options }) => {
    const result = await drillSnapshot(target, { ...options, ...input });
    if (result.ok) return { result };
    return { result, failure: notProven(result.snapshot.tag, result.differences) };
  },
  'drill-old': drillOld,
  verify: async ({ target, input, options }) => {
    const result = await verifyArchives(target, { ...options, ...input });
    return result.ok ? { result } : { result, failure: sealsAreBroken(result.broken) };
  },
  ledger: async ({ target, input, options }) => ({
    result: await readLedgerPage(target, { ...input, signal: options.signal }),
  }),
  // What is found is the result, whatever it is: the page shows it.
  'ledger-verify': async ({ target, options }) => ({
    result: await verifyLedger(await target.openStore(), { signal: options.signal }),
  }),
};

const mostShown = 3;

/** An archive that is sealed and is not what was dumped. */
export function notProven(tag: string, differences: readonly DrillDifference[]): BelayError {
  const shown = differences.slice(0, mostShown).map(describeDifference).join('; ');
  return new BelayError(
    'NOT_PROVEN',
    `"${tag}" is not proven: ${shown === '' ? 'it did not pass its drill' : shown}`,
    {
      hint: 'Do not go on with a migration: nothing that restores is known of this state. Look at the result of the job for all differences.',
      details: { differences: differences.slice(0, 100) },
    },
  );
}

function sealsAreBroken(
  broken: readonly { readonly what: string; readonly name: string; readonly why: string }[],
): BelayError {
  const shown = broken
    .slice(0, mostShown)
    .map(({ what, name, why }) => `${what} ${name}: ${why}`)
    .join('; ');
  const more = broken.length > mostShown ? `; and ${broken.length - mostShown} more` : '';
  return new BelayError('SEAL_BROKEN', `not as it was sealed: ${shown}${more}`, {
    hint: 'Somebody or something else has changed the store. Keep it as it is, and make a new checkpoint.',
    details: { broken: broken.slice(0, 100) },
  });
}

/** What became of one archive. */
export interface DrilledAgain {
  readonly id: string;
  readonly tag: string;
  /** "error": it could not be drilled, see `problem`. */
  readonly status: 'proven' | 'failed' | 'error';
  /** The proof before; null: none. */
  readonly lastProvenAt: string | null;
  readonly problem: string | null;
}

async function drillOld(work: JobWork<'drill-old'>): Promise<JobEnd> {
  const { target, input, options } = work;
  const before = Date.now() - parseDuration(input.olderThan);
  const whole = await readWholeTimeline(
    target,
    await readTimeline(target.main, target.database),
    options.signal,
  );
  if (whole.storeProblem) throw whole.storeProblem;
  const old = whole.entries
    .filter((entry) => isOld(entry, before))
    .sort(
      (a, b) =>
        provenAt(a) - provenAt(b) || a.snapshot.createdAt.localeCompare(b.snapshot.createdAt),
    )
    .slice(0, input.limit);
  const drilled: DrilledAgain[] = [];
  for (const entry of old) {
    throwIfAborted(options.signal);
    drilled.push(await drillAgain(work, entry));
  }
  const bad = drilled.filter(({ status }) => status !== 'proven');
  const result = { drilled, proven: drilled.length - bad.length, failed: bad.length };
  return bad.length === 0 ? { result } : { result, failure: someNotProven(bad, drilled.length) };
}

/** One whose drill failed when it was sealed was never a checkpoint, and is kept for a look only. */
function isOld(entry: Entry, before: number): boolean {
  const { archive } = entry;
  return (
    archive !== null && archive.manifest.drill.status !== 'failed' && provenAt(entry) <= before
  );
}

/** Milliseconds since 1970; 0: never proven. */
function provenAt({ archive }: Entry): number {
  return archive?.drill.status === 'proven' && archive.drill.at
    ? Date.parse(archive.drill.at) || 0
    : 0;
}

async function drillAgain(
  { target, options }: JobWork<'drill-old'>,
  entry: Entry,
): Promise<DrilledAgain> {
  const { id, tag } = entry.snapshot;
  const last = provenAt(entry);
  const about = { id, tag, lastProvenAt: last === 0 ? null : new Date(last).toISOString() };
  try {
    const { restore_drill: status, differences } = await drillSnapshot(target, {
      ...{ ...options, reference: id },
    });
    const [first] = differences;
    return { ...about, status, problem: first ? describeDifference(first) : null };
  } catch (error) {
    if (options.signal?.aborted) throw error;
    // One that cannot be opened must not keep the others from being proven.
    const { code, message } = toBelayError(error);
    if (code === 'BUG') throw error;
    return { ...about, status: 'error', problem: message };
  }
}

function someNotProven(bad: readonly DrilledAgain[], count: number): BelayError {
  const shown = bad
    .slice(0, mostShown)
    .map(({ tag, problem }) => `"${tag}"${problem ? ` (${problem})` : ''}`);
  const more = bad.length > mostShown ? ` and ${bad.length - mostShown} more` : '';
  return new BelayError(
    'NOT_PROVEN',
    `${bad.length} of ${count} old archives did not pass: ${shown.join(', ')}${more}`,
    { hint: 'Make a new checkpoint, and look at what has become of the store.' },
  );
}
