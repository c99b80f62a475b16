import type { Branch, DeletedBranch, ListedBranch, ResetBranch } from '../../index.js';
import { formatAge, formatBytes, formatDuration, formatTime, plural } from './format.js';
import type { Style } from './style.js';
import { formatTable } from './table.js';

/** Year 9999: without an end. */
const endless = '9999-';

export interface ShownBranches {
  readonly target: { readonly server: string; readonly database: string };
  readonly current: string | null;
  readonly branches: readonly (ListedBranch & { readonly current: boolean })[];
}

export function describeCreated(
  style: Style,
  branch: Branch & { readonly created: boolean; readonly durationMs: number },
): string {
  const done = branch.created
    ? `made in ${formatDuration(branch.durationMs)}`
    : 'was there already';
  return [
    `${style.green('✔')} branch ${style.bold(branch.name)} ${done}: ${describePlace(branch)}`,
    style.dim(`  starts from ${describeStart(branch)}; ${describeExpiry(branch)}`),
    branch.url,
  ].join('\n');
}

export function describeSwitched(
  style: Style,
  shown: Pick<Branch, 'database' | 'url'> & { readonly name: string | null },
): string {
  const what = shown.name === null ? 'the target itself' : `branch ${style.bold(shown.name)}`;
  return [
    `${style.green('✔')} this working tree now works on ${what}, "${shown.database}"`,
    style.dim(`  for programs: \`belay run -- COMMAND\`, or \`eval "$(belay env)"\` in this shell`),
  ].join('\n');
}

export function describeReset(style: Style, reset: ResetBranch): string {
  const away = `${formatDuration(reset.durationMs)}, of which it was away ${formatDuration(reset.outageMs)}`;
  return [
    `${style.green('✔')} branch ${style.bold(reset.name)} is again ${reset.to === 'live' ? 'what it was made from' : `"${reset.to}"`}, in ${away}`,
    ...(reset.previous
      ? [style.dim(`  what was there is kept as "${reset.previous}", a snapshot of the branch`)]
      : []),
  ].join('\n');
}

export function describeDeleted(
  style: Style,
  deleted: Omit<DeletedBranch, 'database'> & { readonly database: string | null },
): string {
  if (deleted.database === null) return `there is no branch "${deleted.name}"`;
  const more = deleted.snapshots.length;
  const snapshots = more === 0 ? '' : `, with ${plural(more, 'snapshot')}`;
  return `${style.green('✔')} branch ${style.bold(deleted.name)} is removed${snapshots}`;
}

export function describeLifetime(style: Style, branch: Branch): string {
  const kept =
    branch.protectedUntil === null
      ? 'not protected'
      : branch.protectedUntil.startsWith(endless)
        ? 'protected'
        : `protected until ${formatTime(branch.protectedUntil)}`;
  return `branch ${style.bold(branch.name)}: ${describeExpiry(branch)}, ${kept}`;
}

function describeExpiry({ expiresAt }: Pick<Branch, 'expiresAt'>): string {
  if (expiresAt === null) return 'stays until it is deleted';
  const isOver = Date.parse(expiresAt) <= Date.now();
  return isOver ? `expired at ${formatTime(expiresAt)}` : `expires at ${formatTime(expiresAt)}`;
}

function describePlace({ isolation, database, schema, url }: Branch): string {
  if (isolation === 'schema') return `schema "${schema}" of "${database}"`;
  if (isolation === 'database') return `database "${database}"`;
  return `a server of its own, port ${new URL(url).port}`;
}

function describeStart({ basedOn: { kind, tag, since } }: Branch): string {
  if (kind === 'live') return `the target as of ${formatTime(since)}`;
  if (kind === 'branch') return `branch "${tag}" as of ${formatTime(since)}`;
  return `"${tag}"`;
}

/** The branches as a tree: under each those that start from it. */
export function describeBranches(style: Style, list: ShownBranches): string {
  const { target, branches, current } = list;
  const title = `${style.bold(target.database)} on ${target.server}`;
  if (branches.length === 0) {
    return `${title}: no branches yet\n${style.dim('make one with `belay branch create NAME`')}`;
  }
  const columns = [
    { title: ' ' },
    { title: 'BRANCH' },
    { title: 'PLACE' },
    { title: 'MADE' },
    { title: 'SIZE', align: 'right' as const },
    { title: 'OWN', align: 'right' as const },
    { title: 'USED' },
    { title: 'EXPIRES' },
    { title: 'STATE' },
  ];
  const rows = inTree(branches).map(({ branch, depth }) => rowOf(style, branch, depth));
  const sizes = branches.map(({ size }) => size?.ownBytes ?? null);
  const own = sizes.reduce(
    (sum, bytes) => (sum === null || bytes === null ? null : sum + bytes),
    0,
  );
  return [
    `${title}: ${branches.length === 1 ? '1 branch' : `${branches.length} branches`}${own ? `, ${formatBytes(own)} of their own` : ''}${current === null ? '; here: the target itself' : ''}`,
    formatTable(style, columns, rows),
  ].join('\n');
}

type Shown = ShownBranches['branches'][number];

function inTree(branches: readonly Shown[]): { branch: Shown; depth: number }[] {
  const names = new Set(branches.map(({ name }) => name));
  const parentOf = ({ basedOn, name }: Shown) =>
    basedOn.kind === 'branch' && basedOn.tag !== name && names.has(basedOn.tag)
      ? basedOn.tag
      : null;
  const seen = new Set<Shown>();
  const below = (parent: string | null, depth: number): { branch: Shown; depth: number }[] =>
    branches
      .filter((branch) => parentOf(branch) === parent && !seen.has(branch))
      .flatMap((branch) => {
        seen.add(branch);
        return [{ branch, depth }, ...below(branch.name, depth + 1)];
      });
  return below(null, 0);
}

function rowOf(style: Style, branch: Shown, depth: number): string[] {
  const { size, isolation } = branch;
  const memory = size?.memoryBytes ? `, ${formatBytes(size.memoryBytes)} memory` : '';
  const state = branch.state === 'ready' ? 'ready' : branch.state;
  return [
    branch.current ? style.green('*') : ' ',
    `${depth > 0 ? `${'  '.repeat(depth - 1)}└ ` : ''}${branch.name}`,
    isolation === 'schema' ? `schema ${branch.schema}` : placeWord(branch),
    formatAge(branch.createdAt),
    size ? formatBytes(size.logicalBytes) : '',
    size?.ownBytes === null || !size ? '' : formatBytes(size.ownBytes),
    branch.lastUsedAt === null ? '' : formatAge(branch.lastUsedAt),
    branch.protectedUntil === null
      ? branch.expiresAt === null
        ? ''
        : formatTime(branch.expiresAt)
      : 'protected',
    branch.problem === null ? `${state}${memory}` : style.red(branch.problem),
  ];
}

function placeWord({ isolation, database, url }: Shown): string {
  return isolation === 'cluster' ? `server :${new URL(url).port}` : database;
}
