import type { HistoryEntry } from '../../domain/history.js';
import { versionBeforeFirst } from '../../domain/migration.js';
import { buildVersionGraph, type VersionGraph } from '../../domain/version-graph.js';
import { withHistory } from '../schema/with-history.js';
import type { Target } from '../target/open-target.js';
import type { SchemaHistory } from './schema-history.js';

/** A version as the history has it: what its last entry says. */
export interface RecordedVersionSummary
  extends Pick<
    HistoryEntry,
    'version' | 'name' | 'tool' | 'action' | 'at' | 'checksum' | 'partial' | 'actor' | 'git'
  > {
  /** What it is called where several schemas have its version. */
  readonly id: string;
  /** How many entries are of it. */
  readonly reached: number;
  readonly isCurrent: boolean;
  /** Its schema can still be read. */
  readonly modelKept: boolean;
}

export interface VersionList {
  /** The one that was recorded last first; each version and schema once. */
  readonly versions: readonly RecordedVersionSummary[];
  /** Id of the version that was recorded last; null where nothing was. */
  readonly current: string | null;
  /** Where the history is, for people. */
  readonly place: string;
}

/**
 * The recorded versions of a target's schema, newest first.
 *
 * @example
 * const { versions, current } = await listVersions(target);
 * @throws BelayError HISTORY_DAMAGED, NEWER_FORMAT
 */
export function listVersions(target: Target): Promise<VersionList> {
  return withHistory(target, async ({ history }) => {
    const entries = await history.read();
    return summarise(entries, await history.keptModels(), history.place);
  });
}

/** What `readVersionGraph` gives. */
export interface PlacedVersionGraph extends VersionGraph {
  /** Where the history is, for people. */
  readonly place: string;
}

/**
 * The recorded versions of a target's schema and how they follow one another.
 *
 * @example
 * const { versions, heads } = await readVersionGraph(target);
 * @throws BelayError HISTORY_DAMAGED, NEWER_FORMAT
 */
export function readVersionGraph(target: Target): Promise<PlacedVersionGraph> {
  return withHistory(target, async ({ history }) => ({
    ...buildVersionGraph(await history.read()),
    place: history.place,
  }));
}

const keyOf = ({ version, checksum }: { version: string; checksum: string | null }): string =>
  JSON.stringify([version, checksum]);

function summarise(
  entries: readonly HistoryEntry[],
  kept: ReadonlySet<string>,
  place: SchemaHistory['place'],
): VersionList {
  const graph = buildVersionGraph(entries);
  const ids = new Map(graph.versions.map((node) => [keyOf(node), node.id]));
  const found = new Map<string, RecordedVersionSummary>();
  for (const [index, entry] of [...entries.entries()].reverse()) {
    const key = keyOf(entry);
    const known = found.get(key);
    const { version, name, tool, action, at, checksum, partial, actor, git } = entry;
    found.set(key, {
      ...{ version, id: ids.get(key) ?? versionBeforeFirst, name, tool, action, at, checksum },
      ...{ partial, actor, git, isCurrent: index === entries.length - 1 },
      ...{ modelKept: kept.has(checksum), ...known },
      reached: (known?.reached ?? 0) + 1,
    });
  }
  const versions = [...found.values()];
  return { versions, current: versions[0]?.id ?? null, place };
}
