import type { LedgerEntry } from '../../../src/domain/ledger.js';

/** Who asked for what an entry tells of, and on which machine it ran. */
export function whoDid({ actor }: Pick<LedgerEntry, 'actor'>): string {
  const { user, host, onBehalfOf } = actor;
  return onBehalfOf === undefined ? `${user} on ${host}` : `${onBehalfOf}, by ${user} on ${host}`;
}

/** Whether all words of a search are somewhere in an entry, whatever their case. */
export function entryMatches(entry: LedgerEntry, search: string): boolean {
  const { action, outcome, snapshot, details, number } = entry;
  const text = [
    ...[String(number), action, outcome, snapshot?.tag ?? '', snapshot?.id ?? ''],
    ...[whoDid(entry), JSON.stringify(details)],
  ]
    .join('\n')
    .toLowerCase();
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => text.includes(word));
}
