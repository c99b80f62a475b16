import { setTimeout as sleep } from 'node:timers/promises';
import { parseKey } from '../../domain/archive-keys.js';
import { type LedgerHead, ledgerKey, parseLedgerEntry, sha256Of } from '../../domain/ledger.js';
import { LedgerChain, type LedgerFinding } from '../../domain/ledger-chain.js';
import { LedgerClaims, type StoredManifest } from '../../domain/ledger-claims.js';
import { parseManifest } from '../../domain/manifest.js';
import { BelayError } from '../../errors.js';
import type { Store, StoreCallOptions } from '../../store/store.js';
import { listEntries, readHeadNote } from './head.js';
import { readObjects } from './read-objects.js';

export interface VerifyLedgerOptions extends StoreCallOptions {
  /** SHA-256, or its first 16 digits or more, of an entry that was noted elsewhere: it must be in the chain. */
  readonly expectedHead?: string | undefined;
}

export interface LedgerVerification {
  readonly ok: boolean;
  readonly entries: number;
  /** Manifests in the store that were compared with the entries. */
  readonly manifests: number;
  readonly head: LedgerHead | null;
  readonly broken: readonly LedgerFinding[];
}

const settleMs = 1_000;

/**
 * Proves that the ledger is whole: every number there, every entry as it was written and after the one that it was
 * written after, and in agreement with the manifests of the archives, each of which names the head of its time.
 *
 * @example
 * const { ok, broken } = await verifyLedger(store, { expectedHead: headOfTheBuildLog });
 */
export async function verifyLedger(
  store: Store,
  options: VerifyLedgerOptions = {},
): Promise<LedgerVerification> {
  checkExpectedHead(options.expectedHead);
  const first = await look(store, options);
  if (first.unsettled.length === 0) return verdict(first, []);
  // A run that is just writing a manifest and its entry looks like a gap; a real one is still there later.
  await sleep(settleMs, undefined, { signal: options.signal }).catch(() => {});
  const second = await look(store, options);
  const known = new Set(first.unsettled.map((finding) => JSON.stringify(finding)));
  return verdict(
    second,
    second.unsettled.filter((finding) => known.has(JSON.stringify(finding))),
  );
}

function checkExpectedHead(hash: string | undefined): void {
  if (hash === undefined || /^[0-9a-f]{16,64}$/.test(hash)) return;
  throw new BelayError('USAGE', `${JSON.stringify(hash)} is not the hash of a ledger entry`, {
    hint: '16 to 64 hexadecimal digits, of what `belay checkpoint` or `belay ledger verify` has shown as the head.',
  });
}

interface Look {
  readonly chain: LedgerChain;
  readonly manifests: number;
  readonly broken: readonly LedgerFinding[];
  /** What may be a run at work. */
  readonly unsettled: readonly LedgerFinding[];
}

async function look(store: Store, options: VerifyLedgerOptions): Promise<Look> {
  const { signal } = options;
  // In this order: what the manifests and the note speak of is then in the ledger already.
  const manifests = await readManifests(store, { signal });
  const note = await readHeadNote(store, { signal });
  const chain = new LedgerChain();
  const claims = new LedgerClaims();
  const numbers = await listEntries(store, 0, { signal });
  for await (const [number, bytes] of readObjects(store, numbers, ledgerKey, { signal })) {
    // Deleted since it was listed: the same as not there.
    if (!bytes) continue;
    const entry = chain.add(number, sha256Of(bytes), parseLedgerEntry(bytes, number));
    if (entry) claims.add(entry);
  }
  const broken = [
    ...chain.findings,
    ...chain.contradicts(note, 'the note of the newest entry'),
    ...chain.lacks(options.expectedHead),
    ...manifests.flatMap(({ key, ledger }) => chain.contradicts(ledger, `the manifest ${key}`)),
  ];
  return { chain, manifests: manifests.length, broken, unsettled: claims.compare(manifests) };
}

function verdict({ chain, manifests, broken }: Look, unsettled: readonly LedgerFinding[]) {
  const findings = unique([...broken, ...unsettled]);
  return {
    ...{ ok: findings.length === 0, entries: chain.entries, manifests },
    ...{ head: chain.head, broken: findings },
  };
}

/** Several manifests may speak of the same entry. */
function unique(findings: readonly LedgerFinding[]): LedgerFinding[] {
  const byNumber = new Map(
    findings.map((finding) => [finding.number ?? finding.why, finding] as const).reverse(),
  );
  return [...byNumber.values()].sort(
    (a, b) =>
      (a.number ?? Number.POSITIVE_INFINITY) - (b.number ?? Number.POSITIVE_INFINITY) ||
      a.why.localeCompare(b.why),
  );
}

async function readManifests(store: Store, options: StoreCallOptions): Promise<StoredManifest[]> {
  const objects = await store.list('', options);
  const keys = objects.map(({ key }) => key).filter((key) => parseKey(key)?.kind === 'manifest');
  const found: StoredManifest[] = [];
  for await (const [key, bytes] of readObjects(store, keys, (name) => name, options)) {
    if (!bytes) continue;
    const parsed = parseManifest(bytes);
    const manifest = parsed.type === 'manifest' ? parsed.manifest : undefined;
    found.push({
      ...{ key, sha256: sha256Of(bytes), ledger: manifest?.ledger ?? null },
      id: manifest?.snapshot.id ?? null,
    });
  }
  return found;
}
