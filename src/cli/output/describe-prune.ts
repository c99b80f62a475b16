import type { PruneResult } from '../../index.js';
import { formatAge, formatBytes, plural } from './format.js';
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
  if (rows.length === 0) return 'there are no snapshots';
  const columns = [
    { title: '' },
    { title: 'TAG' },
    { title: 'TAKEN' },
    { title: 'SIZE', align: 'right' as const },
    { title: 'WHY' },
  ];
  return [formatTable(style, columns, rows), summary(result)].join('\n');
}

function summary({ removed, dryRun, freedBytes }: PruneResult): string {
  if (removed.length === 0) return 'nothing to delete';
  const what = plural(removed.length, 'snapshot');
  return dryRun
    ? `would delete ${what}, at most ${formatBytes(freedBytes)}; nothing was deleted`
    : `deleted ${what}: ${formatBytes(freedBytes)} freed`;
}
