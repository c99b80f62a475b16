import type { RecordedVersionSummary, VersionList } from '../../index.js';
import { describeGit } from './describe-snapshot.js';
import { formatTime } from './format.js';
import { printable } from './printable.js';
import type { Style } from './style.js';
import { formatTable } from './table.js';

/** The recorded versions as a table, the one that was recorded last first. */
export function describeVersions(style: Style, { versions, place }: VersionList): string {
  if (versions.length === 0) {
    const hint = style.dim('record the schema as it is with `belay schema snapshot`');
    return `no version is recorded in the ${place}\n${hint}`;
  }
  const columns = ['', 'VERSION', 'NAME', 'BY', 'RECORDED', 'WHO', 'GIT', 'SCHEMA'];
  return formatTable(
    style,
    columns.map((title) => ({ title: title || ' ' })),
    versions.map((version) => rowOf(style, version)),
  );
}

function rowOf(style: Style, version: RecordedVersionSummary): string[] {
  const { id, name, tool, action, at, checksum, partial, actor, git, isCurrent } = version;
  const title = printable(id);
  const notes = [version.modelKept ? '' : 'not kept', partial ? 'partial' : ''];
  const shown = notes.filter((text) => text !== '').join(', ');
  return [
    isCurrent ? style.green('●') : ' ',
    isCurrent ? style.green(title) : title,
    printable(name),
    printable(tool === 'none' ? action : `${tool} ${action}`),
    formatTime(at),
    printable(`${actor.role} (${actor.user}@${actor.host})`),
    describeGit(git),
    `${checksum.slice(0, 8)}${shown === '' ? '' : style.dim(` ${shown}`)}`,
  ];
}
