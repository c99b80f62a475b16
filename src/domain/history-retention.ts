import { BelayError } from '../errors.js';
import type { HistoryEntry } from './history.js';

/**
 * The checksums that the last so many versions name. A version that was reached again counts once, at its last time.
 * @throws BelayError USAGE
 */
export function checksumsToKeep(entries: readonly HistoryEntry[], keep: number): Set<string> {
  if (!Number.isSafeInteger(keep) || keep < 1) {
    throw new BelayError('USAGE', `cannot keep the schemas of the last ${keep} versions`, {
      hint: 'Keep 1 or more: without the current one there is nothing to compare with.',
    });
  }
  const states = new Set<string>();
  const checksums = new Set<string>();
  for (const { version, checksum } of [...entries].reverse()) {
    const state = JSON.stringify([version, checksum]);
    if (!states.has(state) && states.size === keep) continue;
    states.add(state);
    checksums.add(checksum);
  }
  return checksums;
}
