import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { reportStep, silentReporter } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import type { Store } from '../../store/store.js';
import { verifyLedger } from '../ledger/verify.js';
import type { Target } from '../target/open-target.js';
import { readTimeline } from '../target/timeline.js';
import type { WorkOptions } from '../target/work.js';
import type { Archive } from './archives.js';
import { needsArchive } from './drill-snapshot.js';
import { openStored } from './open-plain.js';
import { findEntry, readWholeTimeline, type WholeTimeline } from './whole-timeline.js';

export interface VerifyOptions extends WorkOptions {
  /** Only this snapshot's archive; default: all of the target, and the ledger. */
  readonly reference?: string | undefined;
}

export interface BrokenSeal {
  readonly what: 'archive' | 'manifest' | 'ledger';
  /** Tag of the archive, or number of the entry. */
  readonly name: string;
  readonly why: string;
}

export interface VerifyResult {
  readonly ok: boolean;
  /** Archives whose bytes were read and hashed. */
  readonly checked: number;
  readonly broken: readonly BrokenSeal[];
}

/**
 * Reads archives back from the store, every byte, and compares them with their seals; without a reference also all
 * manifests with the ledger.
 *
 * @example
 * const { ok, broken } = await verifyArchives(target);
 * @throws BelayError SNAPSHOT_NOT_FOUND, NEEDS_ARCHIVE, STORE_UNAVAILABLE
 */
export async function verifyArchives(
  target: Target,
  options: VerifyOptions = {},
): Promise<VerifyResult> {
  const { signal, reference } = options;
  const timeline = await readTimeline(target.main, target.database);
  const whole = await readWholeTimeline(target, timeline, signal);
  if (whole.storeProblem) throw whole.storeProblem;
  const store = await target.openStore();
  const archives = chosenArchives(whole, reference);
  const broken: BrokenSeal[] = [];
  for (const archive of archives) {
    const why = await checkArchive(store, archive, options);
    if (why) broken.push({ what: 'archive', name: archive.manifest.snapshot.tag, why });
  }
  if (reference === undefined) broken.push(...(await checkRest(store, whole, signal)));
  return { ok: broken.length === 0, checked: archives.length, broken };
}

function chosenArchives(whole: WholeTimeline, reference: string | undefined): Archive[] {
  if (reference === undefined) return whole.entries.flatMap(({ archive }) => archive ?? []);
  const { archive, snapshot } = findEntry(whole, reference);
  if (!archive) throw needsArchive(snapshot.tag);
  return [archive];
}

/** @returns what is wrong with it, or undefined */
async function checkArchive(
  store: Store,
  { manifest, problem }: Archive,
  { signal, reporter = silentReporter }: VerifyOptions,
): Promise<string | undefined> {
  if (problem !== null) return problem;
  const { archive, snapshot } = manifest;
  const step = { name: 'hash', detail: snapshot.tag, sizeBytes: archive.sizeBytes };
  try {
    await reportStep(reporter, step, async () => {
      const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
      await pipeline(await openStored(store, archive, signal), nowhere);
    });
    return undefined;
  } catch (error) {
    const isBroken = error instanceof BelayError && error.code === 'SEAL_BROKEN';
    if (isBroken) return error.message;
    throw error;
  }
}

async function checkRest(
  store: Store,
  { archives }: WholeTimeline,
  signal: AbortSignal | undefined,
): Promise<BrokenSeal[]> {
  const { broken } = await verifyLedger(store, { signal });
  return [
    ...archives.broken.map(({ tag, why }) => ({ what: 'manifest' as const, name: tag, why })),
    ...broken.map(({ number, why }) => ({
      what: 'ledger' as const,
      name: number === null ? 'ledger' : String(number),
      why,
    })),
  ];
}
