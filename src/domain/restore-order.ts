import type { ContentsEntry } from './table-of-contents.js';

/** What several processes can restore at the same time, and what has to be done one after another behind them. */
export interface RestoreShares {
  readonly parallel: readonly ContentsEntry[];
  readonly serial: readonly ContentsEntry[];
}

/**
 * Keeps pg_restore's processes from locking each other out: `ALTER INDEX … ATTACH PARTITION` locks the indexes of a table
 * and of its partitions, and pg_restore does not know that. With partitions of partitions two of them wait for each
 * other, and PostgreSQL ends one.
 */
export function shareOut(entries: readonly ContentsEntry[]): RestoreShares {
  const late = new Set<number>();
  const users = new Map<number, ContentsEntry[]>();
  for (const entry of entries) {
    for (const id of entry.needs) users.set(id, [...(users.get(id) ?? []), entry]);
  }
  const pending = entries.filter(({ kind }) => kind === 'INDEX ATTACH');
  for (const entry of pending) {
    if (late.has(entry.dumpId)) continue;
    late.add(entry.dumpId);
    pending.push(...(users.get(entry.dumpId) ?? []));
  }
  return {
    parallel: entries.filter(({ dumpId }) => !late.has(dumpId)),
    serial: entries.filter(({ dumpId }) => late.has(dumpId)),
  };
}
