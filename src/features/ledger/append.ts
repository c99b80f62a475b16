import { randomBytes } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { readOwnVersion } from '../../config/own-version.js';
import {
  encodeLedgerEntry,
  encodeLedgerHead,
  type LedgerActor,
  type LedgerHead,
  largestLedgerNumber,
  ledgerFormat,
  ledgerHeadKey,
  ledgerKey,
  type NewLedgerEntry,
  sha256Of,
} from '../../domain/ledger.js';
import { type Reporter, silentReporter } from '../../domain/reporter.js';
import { BelayError, toBelayError } from '../../errors.js';
import { redactUrl } from '../../postgres/redact-url.js';
import type { Store, StoreCallOptions } from '../../store/store.js';
import { currentCaller } from './acting-for.js';
import { findHead, readHeadNote } from './head.js';

/** Of any number of writers one is first each time, so this many can be at it at once. */
const attempts = 200;
const longestPauseMs = 500;

/**
 * Appends one entry. Of any number of writers at once each gets a number of its own: a number is taken by creating its
 * object, which only one can do.
 * @throws BelayError as the store does; STORE_UNAVAILABLE where others were first too many times; SEAL_BROKEN where no number is left
 */
export async function appendToLedger(
  store: Store,
  entry: NewLedgerEntry,
  options: StoreCallOptions = {},
): Promise<LedgerHead> {
  const nonce = randomBytes(8).toString('hex');
  let known = await readHeadNote(store, options);
  for (let attempt = 0; attempt < attempts; attempt += 1) {
    if (attempt > 0) await pause(attempt, options.signal);
    const before = await findHead(store, known, options);
    known = before ?? undefined;
    const bytes = encodeLedgerEntry({
      ...{ belay: ledgerFormat, number: nextNumber(store, before) },
      ...{ previous: before?.sha256 ?? null, at: new Date().toISOString(), actor: whoAmI() },
      ...(withoutPasswords(entry) as NewLedgerEntry),
      nonce,
    });
    const head = { number: nextNumber(store, before), sha256: sha256Of(bytes) };
    if ((await store.create(ledgerKey(head.number), bytes, options)) === 'exists') continue;
    // A mere note: the entry is there, so nothing has failed.
    await store.write(ledgerHeadKey, encodeLedgerHead(head), options).catch(() => {});
    return head;
  }
  throw new BelayError(
    'STORE_UNAVAILABLE',
    `could not append to the ledger in ${store.location}: others were first ${attempts} times`,
    { hint: 'Try again when fewer runs use this store at once.' },
  );
}

function nextNumber(store: Store, before: LedgerHead | null): number {
  const number = (before?.number ?? 0) + 1;
  if (number <= largestLedgerNumber) return number;
  throw new BelayError('SEAL_BROKEN', `no number is left in the ledger in ${store.location}`, {
    hint: 'Belay did not write its last entry: see `belay ledger verify`.',
  });
}

/** Longer the more often others were first, and by chance, so that they do not meet again. */
async function pause(attempt: number, signal: AbortSignal | undefined): Promise<void> {
  const longestMs = Math.min(longestPauseMs, 10 * 2 ** attempt);
  // An abort is what the store's next call reports.
  await sleep(Math.random() * longestMs, undefined, { signal }).catch(() => {});
}

function whoAmI(): LedgerActor {
  const onBehalfOf = currentCaller();
  const actor = { user: userName(), host: hostname(), version: readOwnVersion() };
  return onBehalfOf === undefined ? actor : { ...actor, onBehalfOf };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In containers a user may have a number and no name.
    return String(process.getuid?.() ?? 'unknown');
  }
}

/** Nobody should put one into an entry; an entry is for ever, so this is made sure of. */
function withoutPasswords(value: unknown): unknown {
  if (typeof value === 'string') return redactUrl(value);
  if (Array.isArray(value)) return value.map(withoutPasswords);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, withoutPasswords(inner)]),
  );
}

export interface RecordOptions extends StoreCallOptions {
  readonly reporter?: Reporter | undefined;
  /** How long the store may take; default 20 s. */
  readonly timeoutMs?: number | undefined;
}

const recordTimeoutMs = 20_000;

/**
 * Appends one entry where the work itself must not fail for it, e.g. a restore in an emergency while the bucket is
 * out of reach. A failure becomes a warning.
 * @param open gives the store; it is not closed here
 * @returns null where nothing was recorded
 */
export async function recordInLedger(
  open: () => Promise<Store>,
  entry: NewLedgerEntry,
  options: RecordOptions = {},
): Promise<LedgerHead | null> {
  const { reporter = silentReporter, timeoutMs = recordTimeoutMs } = options;
  const limit = AbortSignal.timeout(timeoutMs);
  const signal = options.signal ? AbortSignal.any([options.signal, limit]) : limit;
  try {
    return await untilAborted(signal, async () => appendToLedger(await open(), entry, { signal }));
  } catch (error) {
    const why = limit.aborted
      ? `the store did not answer within ${timeoutMs} ms`
      : redactUrl(toBelayError(error).message);
    reporter({
      type: 'warning',
      message: `this ${entry.action} is not in the ledger: ${why}`,
    });
    return null;
  }
}

/** A store that hangs may not notice the signal. */
function untilAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(new BelayError('INTERRUPTED', 'interrupted'));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    work()
      .then(resolve, reject)
      .finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/** What was refused. */
export type RefusedWork = Pick<NewLedgerEntry, 'action' | 'target' | 'snapshot'>;

/**
 * Puts a refusal (exit code 3: a guard, a protection, a loss nobody approved) into the ledger. Any other error is
 * none, and is left alone.
 */
export async function recordRefusal(
  open: () => Promise<Store>,
  error: unknown,
  work: RefusedWork,
  options: RecordOptions = {},
): Promise<LedgerHead | null> {
  if (!(error instanceof BelayError) || error.exitCode !== 3) return null;
  const { code, message } = error;
  return recordInLedger(
    open,
    {
      ...{ action: 'refusal', target: work.target, snapshot: work.snapshot },
      ...{ outcome: 'refused', rows: null, details: { refused: work.action, code, message } },
    },
    options,
  );
}
