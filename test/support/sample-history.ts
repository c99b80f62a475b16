import type { HistoryEntry, NewHistoryEntry } from '../../src/domain/history.js';
import { type SchemaModel, versionChecksum } from '../../src/domain/schema-model.js';

/** A schema with one table for each name. */
export function sampleModel(...tables: string[]): SchemaModel {
  const objects = tables.map((name) => ({
    ...{ kind: 'table', name: `public.${name}`, definition: 'owner: postgres' },
  }));
  return { format: 1, objects };
}

/**
 * An entry as of a migration that was applied: the last of those in force.
 * @param applied versions in force, in order
 */
export function sampleEntry(
  applied: readonly string[],
  changes: Partial<NewHistoryEntry> = {},
): NewHistoryEntry {
  const version = applied.at(-1) ?? '0';
  return {
    ...{ action: applied.length === 0 ? 'baseline' : 'up', version, name: `m${version}` },
    ...{ tool: 'belay', from: applied.at(-2) ?? '0', partial: false },
    applied: applied.map((applied) => ({ version: applied, name: `m${applied}` })),
    ...{ fileChecksum: null, up: null, down: null, renames: [], git: null },
    ...{ durationMs: null, snapshotId: null },
    ...changes,
    checksum: changes.checksum ?? versionChecksum(sampleModel(...applied)),
  };
}

/** Migrations in force, in order, and what the entry says otherwise. */
export type SampleState = readonly [applied: readonly string[], changes?: Partial<NewHistoryEntry>];

/** Entries with the given migrations in force, one after another. */
export function historyOf(...states: readonly SampleState[]): HistoryEntry[] {
  return states.map(([applied, changes], index) => ({
    ...sampleEntry(applied, changes),
    number: index + 1,
    at: new Date(Date.UTC(2026, 10, 21, 12, index)).toISOString(),
    actor: { role: 'ann', user: 'ann', host: 'desk' },
    hash: '',
  }));
}
