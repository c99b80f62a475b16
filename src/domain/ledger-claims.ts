import type { LedgerEntry, LedgerHead } from './ledger.js';
import type { LedgerFinding } from './ledger-chain.js';

/** A manifest as it was found in the store. */
export interface StoredManifest {
  readonly key: string;
  /** Of its bytes. */
  readonly sha256: string;
  /** Id of its snapshot; null where it cannot be read. */
  readonly id: string | null;
  /** The head of the ledger when it was sealed. */
  readonly ledger: LedgerHead | null;
}

interface Claim {
  readonly number: number;
  readonly id: string;
  readonly tag: string;
}

/** Actions after which a manifest need no longer be there. */
const removing = new Set(['delete', 'prune', 'rename']);

/** Which manifests there must be, by what the entries of a ledger say. */
export class LedgerClaims {
  /** By the SHA-256 of the manifest. */
  readonly #claims = new Map<string, Claim>();
  readonly #everClaimed = new Set<string>();

  /** Takes the entries in their order. */
  add({ action, outcome, snapshot, details, number }: LedgerEntry): void {
    if (removing.has(action) && outcome !== 'refused') {
      const removed: unknown = details.removed;
      const ids = new Set<unknown>([snapshot?.id, ...(Array.isArray(removed) ? removed : [])]);
      for (const [hash, { id }] of this.#claims) if (ids.has(id)) this.#claims.delete(hash);
    }
    const { manifestSha256 } = details;
    if (typeof manifestSha256 !== 'string' || !snapshot) return;
    this.#everClaimed.add(manifestSha256);
    this.#claims.set(manifestSha256, { number, ...snapshot });
  }

  compare(manifests: readonly StoredManifest[]): LedgerFinding[] {
    const there = new Set(manifests.map(({ sha256 }) => sha256));
    const gone = [...this.#claims].filter(([hash]) => !there.has(hash)).map(([, claim]) => claim);
    const unknown = manifests.filter(({ sha256 }) => !this.#everClaimed.has(sha256));
    return [
      ...gone.map(({ number, ...claim }) => ({
        number,
        why: unknown.some((manifest) => isOf(manifest, claim))
          ? `it recorded another manifest of "${claim.tag}" than the one in the store`
          : `the manifest of "${claim.tag}" is gone, and no later entry says who removed it`,
      })),
      ...unknown
        // Told with its entry already.
        .filter((manifest) => !gone.some((claim) => isOf(manifest, claim)))
        .map(({ key }) => ({
          number: null,
          why: `no entry tells of the manifest ${key}: its entry was deleted, or the run was killed before writing it`,
        })),
    ];
  }
}

/** A manifest that cannot be read still has its place. */
function isOf({ id, key }: StoredManifest, claim: Pick<Claim, 'id' | 'tag'>): boolean {
  return id === null
    ? key.endsWith(`/manifests/${claim.tag.replaceAll('/', '~')}.json`)
    : id === claim.id;
}
