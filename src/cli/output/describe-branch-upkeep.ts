import type { GcLoss, GcResult } from '../../index.js';
import { formatBytes, plural } from './format.js';
import { printable } from './printable.js';
import type { Style } from './style.js';
import { formatTable } from './table.js';

/** What `belay branch gc` did, or would do. */
export function describeGc(style: Style, result: GcResult): string {
  const { removed, kept, leftovers, overQuota } = result;
  const rows = [
    ...removed.map(({ name, sizeBytes, why }) => [
      ...[style.red('goes'), printable(name), formatBytes(sizeBytes), printable(why)],
    ]),
    ...kept.map(({ name, why }) => [style.green('stays'), printable(name), '', printable(why)]),
  ];
  const columns = [
    { title: '' },
    { title: 'BRANCH' },
    { title: 'SIZE', align: 'right' as const },
    { title: 'WHY' },
  ];
  const table = rows.length === 0 ? 'there are no branches' : formatTable(style, columns, rows);
  const left = leftovers.map(
    ({ name, detail }) => `${style.red('goes')}  ${printable(name)}: ${detail}`,
  );
  const quota = overQuota === null ? [] : [style.yellow(`still over the quota: ${overQuota}`)];
  return [table, ...left, gcSummary(result), ...quota].join('\n');
}

function gcSummary({ removed, leftovers, dryRun, freedBytes }: GcResult): string {
  if (removed.length + leftovers.length === 0) return 'nothing to remove';
  const branches = removed.length === 1 ? '1 branch' : `${removed.length} branches`;
  const parts = [
    ...(removed.length > 0 ? [branches] : []),
    ...(leftovers.length > 0 ? [plural(leftovers.length, 'leftover')] : []),
  ].join(' and ');
  return dryRun
    ? `would remove ${parts}, about ${formatBytes(freedBytes)}; nothing was removed`
    : `removed ${parts}: about ${formatBytes(freedBytes)} freed`;
}

/** What would be lost, above the question whether it may. */
export function describeGcLosses(style: Style, losses: readonly GcLoss[]): string {
  const rows = losses.map(({ name, rows: count, logicalBytes, snapshots, why }) => [
    printable(name),
    count === null ? 'not counted' : plural(count, 'row'),
    formatBytes(logicalBytes),
    snapshots.length === 0 ? '' : plural(snapshots.length, 'snapshot'),
    printable(why),
  ]);
  const columns = [
    { title: 'BRANCH' },
    { title: 'ROWS', align: 'right' as const },
    { title: 'SIZE', align: 'right' as const },
    { title: 'WITH' },
    { title: 'WHY' },
  ];
  return formatTable(style, columns, rows);
}
