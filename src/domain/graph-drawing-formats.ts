import { drawnVersions } from './graph-drawing.js';
import type { VersionGraph } from './version-graph.js';

/** Names come from files and from other tools' tables, and may hold anything. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, '\ufffd');

interface Box {
  /** Safe in any language. */
  readonly key: string;
  readonly id: string;
  /** Lines of text. */
  readonly label: readonly string[];
  readonly isCurrent: boolean;
  /** Known by name only. */
  readonly isPassed: boolean;
  /** Keys. */
  readonly parents: readonly string[];
}

function boxesOf(graph: VersionGraph): Box[] {
  const nodes = new Map(graph.versions.map((node) => [node.id, node]));
  // Oldest first, so that a key stays the same when versions are added.
  const drawn = drawnVersions(graph).reverse();
  const keys = new Map(drawn.map(({ id }, index) => [id, `v${index}`]));
  return drawn.map(({ id, parents }) => {
    const node = nodes.get(id) ?? graph.base;
    const name = node && 'name' in node ? node.name : '';
    const checksum = node?.checksum?.slice(0, 8) ?? 'not recorded';
    return {
      ...{ key: keys.get(id) ?? '', id, isCurrent: id === graph.current },
      label: [id, name, checksum].filter((text) => text !== '').map(printable),
      isPassed: node?.checksum === null,
      parents: parents.flatMap((parent) => keys.get(parent) ?? []),
    };
  });
}

const inDot = (text: string): string => text.replace(/["\\]/g, '\\$&');

/** The graph in the language of Graphviz: `belay schema graph --format dot | dot -Tsvg`. */
export function toDot(graph: VersionGraph): string {
  const boxes = boxesOf(graph);
  const styleOf = ({ isCurrent, isPassed }: Box) =>
    `${isCurrent ? ', penwidth=3' : ''}${isPassed ? ', style=dashed' : ''}`;
  return [
    'digraph versions {',
    '  rankdir=BT;',
    '  node [shape=box];',
    ...boxes.map((box) => {
      const label = box.label.map(inDot).join('\\n');
      return `  ${box.key} [label="${label}"${styleOf(box)}];`;
    }),
    ...boxes.flatMap(({ key, parents }) => parents.map((parent) => `  ${parent} -> ${key};`)),
    '}',
  ].join('\n');
}

/** Mermaid reads labels as HTML and as Markdown, and knows characters by their numbers. */
const inMermaid = (text: string): string =>
  text.replace(/[^\p{L}\p{N} .,:;_/()@+-]/gu, (character) => `#${character.codePointAt(0)};`);

/** The graph as a Mermaid flowchart, which GitHub and GitLab draw in Markdown. */
export function toMermaid(graph: VersionGraph): string {
  const boxes = boxesOf(graph);
  const classOf = (name: string, marked: readonly Box[]) =>
    marked.length === 0 ? [] : [`  class ${marked.map(({ key }) => key).join(',')} ${name}`];
  return [
    'flowchart BT',
    ...boxes.map(({ key, label }) => `  ${key}["${label.map(inMermaid).join('<br/>')}"]`),
    ...boxes.flatMap(({ key, parents }) => parents.map((parent) => `  ${parent} --> ${key}`)),
    '  classDef current stroke-width:3px',
    '  classDef passed stroke-dasharray:4',
    ...classOf(
      'current',
      boxes.filter(({ isCurrent }) => isCurrent),
    ),
    ...classOf(
      'passed',
      boxes.filter(({ isPassed }) => isPassed),
    ),
  ].join('\n');
}
