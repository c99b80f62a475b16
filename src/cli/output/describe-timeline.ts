import type { ArchiveCopy, CopyMethod, Snapshot, SnapshotList } from '../../index.js';
import { archiveIn, cloneIn, describeGit, describeProtection } from './describe-snapshot.js';
import { formatAge, formatBytes, formatCount, plural } from './format.js';
import type { Style } from './style.js';
import { formatTable } from './table.js';

/** One word for each way, to fit a column. */
const methods: Readonly<Record<CopyMethod, string>> = {
  reflink: 'reflink',
  file_copy: 'file copy',
  wal_log: 'wal log',
  rename: 'renamed',
  archive: 'restored',
};

/** The timeline as a table, newest first, with what the target is based on marked. */
export function describeTimeline(style: Style, list: SnapshotList, total: number): string {
  const { current, snapshots } = list;
  const title = `${style.bold(current.database)} on ${current.server}`;
  if (total === 0) {
    const hint = style.dim('take one with `belay snapshot TAG`');
    return [`${title}: no snapshots yet`, ...describeStore(style, list), hint].join('\n');
  }
  const columns = [
    { title: ' ' },
    { title: 'TAG' },
    { title: 'TAKEN' },
    { title: 'ROWS', align: 'right' as const },
    { title: 'SIZE', align: 'right' as const },
    { title: 'COPY' },
    { title: 'GIT' },
    { title: 'DESCRIPTION' },
  ];
  const rows = snapshots.map((snapshot) => rowOf(style, snapshot, current.basedOn?.id));
  const hidden = total - snapshots.length;
  return [
    `${title}: ${describeCurrent(current)}`,
    formatTable(style, columns, rows),
    ...(hidden > 0 ? [style.dim(`and ${hidden} older`)] : []),
    ...describeStore(style, list),
    ...(current.undo ? [style.dim(`\`belay undo\` brings back "${current.undo.tag}"`)] : []),
  ].join('\n');
}

/** What there is beside the target's own snapshots, and what could not be read. */
function describeStore(style: Style, list: SnapshotList): string[] {
  const { elsewhere, broken, storeProblem } = list;
  const [newest] = elsewhere;
  return [
    ...(storeProblem ? [style.yellow(`archives are not listed: ${storeProblem}`)] : []),
    ...broken.map(({ tag, why }) => style.red(`the archive "${tag}" is broken: ${why}`)),
    ...(newest
      ? [
          style.dim(
            `${elsewhere.length} more of this name on other servers, the newest "${newest.tag}" of ${newest.target.server}: restore one by its tag`,
          ),
        ]
      : []),
  ];
}

function describeCurrent(current: SnapshotList['current']): string {
  if (!current.exists) return 'the database itself is missing; `belay restore` brings it back';
  return current.basedOn ? `based on "${current.basedOn.tag}"` : 'based on no snapshot';
}

function rowOf(style: Style, snapshot: Snapshot, basedOn: string | undefined): string[] {
  const isBase = snapshot.id === basedOn;
  const protection = describeProtection(snapshot.protectedUntil);
  const notes = [snapshot.description, protection].filter((text) => text !== '');
  return [
    isBase ? style.green('●') : ' ',
    isBase ? style.green(snapshot.tag) : snapshot.tag,
    formatAge(snapshot.createdAt),
    snapshot.fingerprint ? formatCount(snapshot.fingerprint.rows) : 'not counted',
    formatBytes(snapshot.sizeBytes),
    describeCopies(snapshot),
    describeGit(snapshot.git),
    style.dim(notes.join(' · ')),
  ];
}

/** e.g. "reflink", "archive ✔", "reflink + archive", "archive of 2 tables ✔". The mark is that of a drill that has proven it. */
function describeCopies(snapshot: Snapshot): string {
  const clone = cloneIn(snapshot);
  const archive = archiveIn(snapshot);
  const marks = { proven: ' ✔', failed: ' ✘', 'not-run': '' };
  return [
    ...(clone ? [methods[clone.method]] : []),
    ...(archive ? [`archive${partOf(archive)}${marks[archive.drill.status]}`] : []),
  ].join(' + ');
}

const partOf = ({ dataOf }: ArchiveCopy): string =>
  dataOf ? ` of ${plural(dataOf.length, 'table')}` : '';
