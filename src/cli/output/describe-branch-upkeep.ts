import type { BranchStatus, GcLoss, GcResult, SchemaStatus, UpdatedBranch } from '../../index.js';
import { describeImpacts } from './describe-migration.js';
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

const titleOf = ({ version, name }: { version: string; name: string }): string =>
  printable(name === '' ? version : `${version}_${name}`);

const titles = (all: readonly { version: string; name: string }[]): string =>
  all.map(titleOf).join(', ');

/** Which branches are behind, and by what. */
export function describeSchemaStatus(style: Style, status: SchemaStatus): string {
  const { target, main, branches, tool, upCommand } = status;
  const left = target.pending.length === 0 ? '' : `, ${main} has more: ${titles(target.pending)}`;
  const head = `${printable(target.database)} is at ${style.bold(printable(target.current))}${left}`;
  const how = tool === 'belay' ? [] : [style.dim(`${tool}: \`${upCommand}\``)];
  if (branches.length === 0) return [head, ...how, 'there are no branches'].join('\n');
  const rows = branches.map((one) => [
    printable(one.name),
    stateWord(style, one),
    printable(one.current ?? ''),
    detailsOf(one),
  ]);
  const columns = [{ title: 'BRANCH' }, { title: 'STATE' }, { title: 'AT' }, { title: '' }];
  const behind = branches.filter(({ missing }) => missing.length > 0);
  const next =
    behind.length === 0
      ? []
      : [style.dim('`belay branch update NAME` applies what a branch lacks')];
  return [head, ...how, formatTable(style, columns, rows), ...(tool === 'belay' ? next : [])].join(
    '\n',
  );
}

function stateWord(style: Style, { state, missing }: BranchStatus): string {
  if (state === 'current') return style.green('up to date');
  if (state === 'ahead') return style.green('ahead');
  if (state === 'unknown') return style.yellow('unknown');
  return style.yellow(`${state === 'behind' ? 'behind' : 'diverged, behind'} by ${missing.length}`);
}

function detailsOf({ problem, missing, ahead, changed, pending }: BranchStatus): string {
  if (problem !== null) return printable(problem);
  const parts = [
    missing.length === 0 ? '' : `lacks ${titles(missing)}`,
    ahead.length === 0 ? '' : `has, and the target has not, ${titles(ahead)}`,
    changed.length === 0 ? '' : `other than elsewhere: ${titles(changed)}`,
    pending.length === 0 ? '' : `not applied yet: ${titles(pending)}`,
  ];
  return parts.filter((part) => part !== '').join('; ');
}

/** What `belay branch update` did, or would do. */
export function describeUpdate(
  style: Style,
  { name, missing, applied, dryRun, filesFrom, snapshot, impacts, current }: UpdatedBranch,
  columns?: number | undefined,
): string {
  const branch = style.bold(printable(name));
  if (missing.length === 0) return `${branch} lacks nothing: it is at ${printable(current)}`;
  const from = filesFrom === 'main' ? 'the files of the main git branch' : 'the files here';
  if (dryRun) {
    const shown = describeImpacts(style, impacts, columns);
    const what = `would apply ${plural(missing.length, 'migration')} to ${branch}, from ${from}:`;
    return [what, ...missing.map((one) => `  ${titleOf(one)}`), ...(shown ? [shown] : [])].join(
      '\n',
    );
  }
  const back = snapshot === null ? [] : [style.dim(`before: the branch's snapshot ${snapshot}`)];
  const done = `${branch} is at ${printable(current)}, from ${from}`;
  return [...applied.map((one) => `${style.green('✔')} ${titleOf(one)}`), done, ...back].join('\n');
}
