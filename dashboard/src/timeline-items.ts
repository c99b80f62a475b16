import type { InventoryBranch } from '../../src/contract/inventory';
import type { LedgerEntry } from '../../src/domain/ledger';
import type { VersionNode } from '../../src/domain/version-graph';
import { plural } from './format';
import type { ListedSnapshot } from './queries';

/** What is shown or hidden together. */
export const timelineKinds = {
  snapshots: 'Snapshots',
  migrations: 'Migrations',
  restores: 'Restores',
  branches: 'Branches',
  deletions: 'Deletions',
  other: 'Everything else',
} as const;
export type TimelineKind = keyof typeof timelineKinds;

/** Something that happened to a database, or a snapshot of it. */
export type TimelineItem =
  | { readonly type: 'snapshot'; readonly at: string; readonly snapshot: ListedSnapshot }
  | TimelineEvent;

export interface TimelineEvent {
  readonly type: 'event';
  readonly key: string;
  readonly kind: TimelineKind;
  readonly at: string;
  readonly text: string;
  readonly outcome: LedgerEntry['outcome'];
  /** Null where it is not known. */
  readonly who: string | null;
  readonly snapshot: { readonly id: string; readonly tag: string } | null;
}

const kinds: Readonly<Record<string, TimelineKind>> = {
  ...{ checkpoint: 'snapshots', snapshot: 'snapshots', import: 'snapshots', pull: 'snapshots' },
  ...{ migration: 'migrations', rollback: 'migrations', 'branch-update': 'migrations' },
  ...{ 'shadow-create': 'migrations', 'shadow-promote': 'migrations' },
  'shadow-abort': 'migrations',
  ...{ restore: 'restores', 'restore-table': 'restores', switch: 'restores', undo: 'restores' },
  ...{ 'branch-create': 'branches', 'branch-reset': 'branches', 'branch-delete': 'branches' },
  'branch-gc': 'branches',
  ...{ delete: 'deletions', prune: 'deletions' },
};

const kindOf = (action: string): TimelineKind => kinds[action] ?? 'other';

export interface TimelineSources {
  readonly snapshots: readonly ListedSnapshot[];
  readonly ledger: readonly LedgerEntry[];
  readonly versions: readonly VersionNode[];
  readonly branches: readonly InventoryBranch[];
  /** Before it the sources are not complete yet; null: they are. ISO 8601. */
  readonly horizon: string | null;
}

/** All of it on one axis, newest first. What is older than the horizon is left out until the rest of it is known. */
export function timelineItems(sources: TimelineSources): readonly TimelineItem[] {
  const { snapshots, ledger, horizon } = sources;
  const known = new Set(snapshots.map(({ id }) => id));
  const entries = ledger.filter((entry) => !isSnapshotItself(entry, known));
  const items: TimelineItem[] = [
    ...snapshots.map(
      (snapshot): TimelineItem => ({ type: 'snapshot', at: snapshot.createdAt, snapshot }),
    ),
    ...entries.map(describeEntry),
    ...unrecordedVersions(sources),
    ...unrecordedBranches(sources),
  ];
  return items
    .filter(({ at }) => horizon === null || at >= horizon)
    .sort((a, b) => b.at.localeCompare(a.at));
}

/** A snapshot stands on the axis itself; what the ledger says of its making would be the same again. */
function isSnapshotItself(entry: LedgerEntry, known: ReadonlySet<string>): boolean {
  const isMaking = kindOf(entry.action) === 'snapshots' && entry.outcome === 'done';
  return isMaking && entry.snapshot !== null && known.has(entry.snapshot.id);
}

function describeEntry(entry: LedgerEntry): TimelineEvent {
  const { number, action, at, outcome, snapshot, actor } = entry;
  return {
    ...{ type: 'event', key: `ledger-${number}`, kind: kindOf(action), at, outcome, snapshot },
    text: entryText(entry),
    who: actor.onBehalfOf ?? actor.user,
  };
}

const listOf = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.map(String) : [];

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/** What an entry of the ledger says, in a sentence for people. */
export function entryText({ action, snapshot, details, rows }: LedgerEntry): string {
  const tag = snapshot?.tag ?? '';
  const branch = textOf(details.branch) || textOf(details.name);
  switch (action) {
    case 'checkpoint':
      return `Checkpoint ${tag}`;
    case 'snapshot':
      return `Snapshot ${tag}`;
    case 'drill':
      return `Archive of ${tag} restored elsewhere and compared`;
    case 'restore':
      return `Restored ${tag}${intoText(details.database)}`;
    case 'restore-table':
      return `Restored ${rows === null ? 'tables' : plural(rows, 'row')} of single tables from ${tag}`;
    case 'switch':
      return `Switched to ${tag}`;
    case 'undo':
      return `Undone: back at ${tag}`;
    case 'delete':
    case 'prune':
      return `Deleted ${tag || listOf(details.tags).join(', ')}`;
    case 'rename':
      return `Renamed ${textOf(details.previousTag)} to ${tag}`;
    case 'protect':
      return `Protected ${tag}`;
    case 'unprotect':
      return `Protection of ${tag} ended`;
    case 'migration':
      return `Migrated ${textOf(details.direction)} to ${textOf(details.to) || 'the base'}`;
    case 'rollback':
      return `Rolled back from ${textOf(details.from)} to ${textOf(details.to)}`;
    case 'rehearsal':
      return 'Migration rehearsed on a copy';
    case 'branch-create':
      return `Branch ${branch} created`;
    case 'branch-reset':
      return `Branch ${branch} reset`;
    case 'branch-delete':
      return `Branch ${branch} deleted`;
    case 'branch-gc':
      return 'Expired branches removed';
    case 'refusal':
      return `Refused: ${textOf(details.message) || textOf(details.code)}`;
    default:
      return `${action}${tag ? ` ${tag}` : ''}`;
  }
}

const intoText = (database: unknown): string =>
  typeof database === 'string' ? ` into ${database}` : '';

/** Versions that another tool reached, or that came before there was a ledger. */
function unrecordedVersions({ versions, ledger }: TimelineSources): TimelineEvent[] {
  const recorded = new Set(
    ledger.flatMap(({ details }) => [...listOf(details.versions), textOf(details.to)]),
  );
  return versions.flatMap((node): TimelineEvent[] => {
    if (node.at === null || recorded.has(node.version) || recorded.has(node.id)) return [];
    const text = `Schema version ${node.version}${node.name ? ` (${node.name})` : ''}`;
    return [
      {
        ...{ type: 'event', key: `version-${node.id}`, kind: 'migrations', at: node.at, text },
        ...{ outcome: 'done', who: node.tool, snapshot: null },
      },
    ];
  });
}

function unrecordedBranches({ branches, ledger }: TimelineSources): TimelineEvent[] {
  const recorded = new Set(
    ledger.flatMap(({ action, details }) =>
      action === 'branch-create' ? [textOf(details.branch)] : [],
    ),
  );
  return branches
    .filter(({ name }) => !recorded.has(name))
    .map((branch): TimelineEvent => {
      const text = `Branch ${branch.name} created${branch.basedOn ? ` from ${branch.basedOn}` : ''}`;
      return {
        ...{ type: 'event', key: `branch-${branch.name}`, kind: 'branches', text },
        ...{ at: branch.createdAt, outcome: 'done', who: null, snapshot: null },
      };
    });
}

export const kindOfItem = (item: TimelineItem): TimelineKind =>
  item.type === 'snapshot' ? 'snapshots' : item.kind;

/** Whether an event has the words that are searched; snapshots are searched by the server. */
export function hasWords(item: TimelineItem, words: string): boolean {
  if (item.type === 'snapshot' || words === '') return true;
  return `${item.text} ${item.who ?? ''}`.toLowerCase().includes(words.toLowerCase());
}
