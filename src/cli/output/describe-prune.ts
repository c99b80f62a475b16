import type { PruneResult } from '../../index.js';
import { formatAge, formatBytes, plural } from './format.js';
import { printable } from './printable.js';
import type { Style } from './style.js';
import { formatTable } from './table.js';

export function describePrune(style: Style, result: PruneResult): string {
  const rows = [
    ...result.removed.map((snapshot) => ({ snapshot, fate: style.red('goes') })),
    ...result.kept.map((snapshot) => ({ snapshot, fate: style.green('stays') })),
  ].map(({ snapshot, fate }) => [
    fate,
    snapshot.tag,
    formatAge(snapshot.createdAt),
    formatBytes(snapshot.sizeBytes),
    snapshot.why,
  ]);
  const records = recordLines(style, result);
  if (rows.length === 0) return ['there are no snapshots', ...records].join('\n');
  const columns = [
    { title: '' },
    { title: 'TAG' },
    { title: 'TAKEN' },
    { title: 'SIZE', align: 'right' as const },
    { title: 'WHY' },
  ];
  return [formatTable(style, columns, rows), summary(result), ...records].join('\n');
}

/** Record backups, as far as there are any. */
function recordLines(style: Style, { recordBackups, dryRun }: PruneResult): string[] {
  const { removed, kept, freedBytes } = recordBackups;
  if (removed.length + kept.length === 0) return [];
  const going = removed.map(({ migrationVersion, table, column, rows, createdAt }) => {
    const place = column === null ? table : `${table}.${column}`;
    return `${style.red('goes')}  record backup of ${migrationVersion}: ${plural(rows, 'record')} of ${printable(place)}, ${formatAge(createdAt)}`;
  });
  const verb = dryRun ? 'would delete' : 'deleted';
  const freed = `${verb} ${plural(removed.length, 'record backup')} (${formatBytes(freedBytes)})`;
  return [
    ...going,
    `${removed.length === 0 ? 'no record backup goes' : freed}, ${kept.length} kept`,
  ];
}

function summary({ removed, dryRun, freedBytes }: PruneResult): string {
  if (removed.length === 0) return 'nothing to delete';
  const what = plural(removed.length, 'snapshot');
  return dryRun
    ? `would delete ${what}, at most ${formatBytes(freedBytes)}; nothing was deleted`
    : `deleted ${what}: ${formatBytes(freedBytes)} freed`;
}
