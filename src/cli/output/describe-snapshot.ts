import type { ArchiveCopy, CloneCopy, CopyMethod, GitState, Snapshot } from '../../index.js';
import { formatAge, formatBytes, formatDuration, formatTime, plural } from './format.js';
import type { Style } from './style.js';

const methods: Readonly<Record<CopyMethod, string>> = {
  reflink: 'by reflink',
  file_copy: 'by copying files',
  wal_log: 'through the WAL',
  rename: 'kept by renaming',
  archive: 'restored from its archive',
};

/** Year 9999: protected without an end. */
const endless = '9999-';

export function describeTaken(style: Style, snapshot: Snapshot, outageMs: number): string {
  const archive = archiveIn(snapshot);
  return [
    `${style.green('✔')} snapshot ${style.bold(snapshot.tag)} of "${snapshot.target.database}": ${describeContents(snapshot)}`,
    style.dim(
      `  copied ${methodOf(cloneIn(snapshot))}, counted and sealed in ${formatDuration(snapshot.durationMs)}; new connections waited ${formatDuration(outageMs)}`,
    ),
    ...(archive ? [style.dim(`  ${describeArchive(archive)}, in ${archive.location}`)] : []),
  ].join('\n');
}

export function describeContents({ fingerprint, sizeBytes }: Snapshot): string {
  if (!fingerprint) return `rows not counted yet, ${formatBytes(sizeBytes)}`;
  return `${plural(fingerprint.tables, 'table')}, ${plural(fingerprint.rows, 'row')}, ${formatBytes(sizeBytes)}`;
}

export function cloneIn({ copies }: Pick<Snapshot, 'copies'>): CloneCopy | undefined {
  return copies.find((copy) => copy.type === 'clone');
}

export function archiveIn({ copies }: Pick<Snapshot, 'copies'>): ArchiveCopy | undefined {
  return copies.find((copy) => copy.type === 'archive');
}

function methodOf(clone: CloneCopy | undefined): string {
  return clone ? methods[clone.method] : 'nowhere';
}

/** e.g. "archive of 412.3 MB, encrypted, proven 2 h ago", "archive of 1 table, 3.1 MB, never drilled". */
export function describeArchive({ sizeBytes, encrypted, drill, dataOf }: ArchiveCopy): string {
  const part = dataOf ? `${plural(dataOf.length, 'table')}, ` : '';
  const size = `archive of ${part}${formatBytes(sizeBytes)}`;
  const parts = [size, ...(encrypted ? ['encrypted'] : [])];
  if (drill.status === 'not-run') return [...parts, 'never drilled'].join(', ');
  const when = drill.at === null ? '' : ` ${formatAge(drill.at)}`;
  return [...parts, `${drill.status === 'proven' ? 'proven' : 'drill failed'}${when}`].join(', ');
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
  const clone = cloneIn(snapshot);
  const archive = archiveIn(snapshot);
  const fields: [string, string][] = [
    ['id', snapshot.id],
    ['taken', `${formatTime(snapshot.createdAt)} (${formatAge(snapshot.createdAt)})`],
    ['of', `"${snapshot.target.database}" on ${snapshot.target.server}`],
    ['reason', snapshot.reason],
    ['git', describeGit(snapshot.git) || 'none'],
    ...(clone
      ? [['copy', `clone in database "${clone.database}", ${methodOf(clone)}`] as [string, string]]
      : []),
    ...(archive ? archiveFields(archive) : []),
    ['contents', describeContents(snapshot)],
    ['schema', fingerprint ? fingerprint.schemaChecksum : 'not read yet'],
    ['protection', describeProtection(snapshot.protectedUntil) || 'none'],
  ];
  const lines = fields.map(([name, value]) => `  ${style.dim(name.padEnd(10))}  ${value}`);
  const title = snapshot.description ? `${snapshot.tag}: ${snapshot.description}` : snapshot.tag;
  return [style.bold(title), ...lines, ...describeRowCounts(style, snapshot)].join('\n');
}

function archiveFields(archive: ArchiveCopy): [string, string][] {
  return [
    ['copy', describeArchive(archive)],
    ...(archive.dataOf
      ? [
          ['partial', `the rows of no other tables: ${archive.dataOf.join(', ')}`] as [
            string,
            string,
          ],
        ]
      : []),
    ['location', archive.location],
    ['sha256', archive.sha256],
  ];
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
