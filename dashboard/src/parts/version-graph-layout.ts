import type { VersionNode } from '../../../src/domain/version-graph.js';

export const nodeSize = { width: 190, height: 62 } as const;

export interface PlacedNode {
  readonly node: VersionNode;
  /** Of its upper left corner, in the drawing's own units. */
  readonly x: number;
  readonly y: number;
}

export interface PlacedEdge {
  readonly from: string;
  readonly to: string;
  /** Path of an SVG. */
  readonly path: string;
}

export interface GraphLayout {
  readonly width: number;
  readonly height: number;
  /** From top to bottom, then from left to right: the order in which one tabs through them. */
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
}

const margin = 16;

interface Point {
  readonly x: number;
  readonly y: number;
}

function pathThrough(points: readonly Point[]): string {
  const [first, ...rest] = points;
  if (!first) return '';
  const at = ({ x, y }: Point) => `${x.toFixed(1)} ${y.toFixed(1)}`;
  const bends = rest.map((point, index) => {
    const next = rest[index + 1];
    if (!next) return `L${at(point)}`;
    return `Q${at(point)} ${at({ x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 })}`;
  });
  return [`M${at(first)}`, ...bends].join(' ');
}

/**
 * Where each version stands in a drawing from the first at the top to the heads at the bottom. Loads what it needs for
 * that when it is first called.
 */
export async function layOutVersions(versions: readonly VersionNode[]): Promise<GraphLayout> {
  const { Graph, layout } = await import('@dagrejs/dagre');
  const graph = new Graph();
  graph.setGraph({ rankdir: 'TB', nodesep: 28, ranksep: 44, marginx: margin, marginy: margin });
  graph.setDefaultEdgeLabel(() => ({}));
  // Names of versions are anybody's: numbers are safe as keys.
  const keys = new Map(versions.map(({ id }, index) => [id, String(index)]));
  for (const { id } of versions) graph.setNode(keys.get(id) ?? '', { ...nodeSize });
  const pairs = versions.flatMap(({ id, parents }) =>
    parents.filter((parent) => keys.has(parent)).map((parent) => ({ from: parent, to: id })),
  );
  for (const { from, to } of pairs) graph.setEdge(keys.get(from) ?? '', keys.get(to) ?? '');
  if (versions.length > 0) layout(graph);
  const nodes = versions.map((node): PlacedNode => {
    const { x = 0, y = 0 } = graph.node(keys.get(node.id) ?? '') as Partial<Point>;
    return { node, x: x - nodeSize.width / 2, y: y - nodeSize.height / 2 };
  });
  const edges = pairs.map(({ from, to }): PlacedEdge => {
    const edge = graph.edge(keys.get(from) ?? '', keys.get(to) ?? '') as {
      readonly points?: readonly Point[];
    };
    return { from, to, path: pathThrough(edge.points ?? []) };
  });
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  const inOrder = nodes.sort((a, b) => a.y - b.y || a.x - b.x);
  return { width: finite(width), height: finite(height), nodes: inOrder, edges };
}

const finite = (size: number): number => (Number.isFinite(size) ? Math.ceil(size) : 0);

/** What a version is, in a sentence: for those who hear the graph. */
export function sayVersion(node: VersionNode): string {
  const { id, name, parents, isCurrent, isHead, reached } = node;
  const after = parents.length === 0 ? 'the first' : `follows ${parents.join(' and ')}`;
  const times = reached > 1 ? `reached ${reached} times` : '';
  const marks = [isCurrent ? 'current' : '', isHead ? 'head' : '', times];
  return [`Version ${id}${name ? ` ${name}` : ''}`, after, ...marks].filter(Boolean).join(', ');
}
