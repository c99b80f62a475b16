import type { PlacedVersionGraph, VersionNode } from '../../index.js';
import { formatTime } from './format.js';
import { printable } from './printable.js';
import type { Style } from './style.js';

/** A line of the drawing, as `drawGraph` gives it. */
interface Row {
  readonly lanes: string;
  readonly id: string | null;
}

/** The drawing with what is known of each version beside it. */
export function describeGraph(
  style: Style,
  graph: PlacedVersionGraph,
  rows: readonly Row[],
): string {
  if (rows.length === 0) {
    const hint = style.dim('record the schema as it is with `belay schema snapshot`');
    return `no version is recorded in the ${graph.place}\n${hint}`;
  }
  const nodes = new Map(graph.versions.map((node) => [node.id, node]));
  return rows
    .map(({ lanes, id }) => {
      if (id === null) return style.dim(lanes);
      const node = nodes.get(id);
      return `${style.dim(lanes)} ${node ? describeNode(style, node) : describeBase(style, graph)}`;
    })
    .join('\n');
}

function describeNode(style: Style, node: VersionNode): string {
  const { id, name, checksum, at, isCurrent, isHead } = node;
  const title = printable(id);
  return [
    isCurrent ? style.green(style.bold(title)) : style.bold(title),
    printable(name),
    checksum === null ? style.dim('not recorded') : style.yellow(checksum.slice(0, 8)),
    at === null ? '' : style.dim(formatTime(at)),
    marks(style, isCurrent, isHead),
  ]
    .filter((text) => text !== '')
    .join('  ');
}

function describeBase(style: Style, { base, current }: PlacedVersionGraph): string {
  const isCurrent = current === base?.version;
  const what = style.dim('before the first migration');
  const checksum = style.yellow(base?.checksum.slice(0, 8) ?? '');
  const parts = [style.bold('0'), what, checksum, marks(style, isCurrent, false)];
  return parts.filter((text) => text !== '').join('  ');
}

function marks(style: Style, isCurrent: boolean, isHead: boolean): string {
  const texts = [isCurrent ? style.green('current') : '', isHead ? 'head' : ''];
  const shown = texts.filter((text) => text !== '');
  return shown.length === 0 ? '' : `(${shown.join(', ')})`;
}
