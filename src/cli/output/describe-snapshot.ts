import type { CopyMethod, GitState, Snapshot } from '../../index.js';
import { formatAge, formatBytes, formatDuration, formatTime, plural } from './format.js';
import type { Style } from './style.js';

const methods: Readonly<Record<CopyMethod, string>> = {
  reflink: 'by reflink',
  file_copy: 'by copying files',
  wal_log: 'through the WAL',
  rename: 'kept by renaming',
};

/** Year 9999: protected without an end. */
const endless = '9999-';

export function describeTaken(style: Style, snapshot: Snapshot, outageMs: number): string {
  return [
    `${style.green('✔')} snapshot ${style.bold(snapshot.tag)} of "${snapshot.target.database}": ${describeContents(snapshot)}`,
    style.dim(
      `  copied ${methodOf(snapshot)}, counted and sealed in ${formatDuration(snapshot.durationMs)}; new connections waited ${formatDuration(outageMs)}`,
    ),
  ].join('\n');
}

export function describeContents({ fingerprint, sizeBytes }: Snapshot): string {
  if (!fingerprint) return `rows not counted yet, ${formatBytes(sizeBytes)}`;
  return `${plural(fingerprint.tables, 'table')}, ${plural(fingerprint.rows, 'row')}, ${formatBytes(sizeBytes)}`;
}

function methodOf(snapshot: Snapshot): string {
  const [copy] = snapshot.copies;
  return copy ? methods[copy.method] : 'nowhere';
}

export function describeGit(git: GitState | null): string {
  if (!git) return '';
  return `${git.branch ?? 'detached'}@${git.commit.slice(0, 7)}${git.dirty ? '*' : ''}`;
}

export function describeProtection(protectedUntil: string | null): string {
  if (protectedUntil === null) return '';
  if (protectedUntil.startsWith(endless)) return 'protected';
  return Date.parse(protectedUntil) > Date.now()
    ? `protected until ${formatTime(protectedUntil)}`
    : '';
}

/** One snapshot with everything about it. */
export function describeSnapshot(style: Style, snapshot: Snapshot): string {
  const { fingerprint } = snapshot;
  const [copy] = snapshot.copies;
  const fields: [string, string][] = [
    ['id', snapshot.id],
    ['taken', `${formatTime(snapshot.createdAt)} (${formatAge(snapshot.createdAt)})`],
    ['of', `"${snapshot.target.database}" on ${snapshot.target.server}`],
    ['reason', snapshot.reason],
    ['git', describeGit(snapshot.git) || 'none'],
    ['copy', copy ? `clone in database "${copy.database}", ${methodOf(snapshot)}` : 'none'],
    ['contents', describeContents(snapshot)],
    ['schema', fingerprint ? fingerprint.schemaChecksum : 'not read yet'],
    ['protection', describeProtection(snapshot.protectedUntil) || 'none'],
  ];
  const lines = fields.map(([name, value]) => `  ${style.dim(name.padEnd(10))}  ${value}`);
  const title = snapshot.description ? `${snapshot.tag}: ${snapshot.description}` : snapshot.tag;
  return [style.bold(title), ...lines, ...describeRowCounts(style, snapshot)].join('\n');
}

function describeRowCounts(style: Style, { fingerprint }: Snapshot): string[] {
  const counts = Object.entries(fingerprint?.rowCounts ?? {});
  if (counts.length === 0) return [];
  const width = Math.max(...counts.map(([table]) => table.length));
  return [
    `  ${style.dim('rows')}`,
    ...counts.map(([table, rows]) => `    ${table.padEnd(width)}  ${rows.toLocaleString('en-US')}`),
  ];
}
