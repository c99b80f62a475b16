import { versionBeforeFirst } from './migration.js';
import type { VersionGraph } from './version-graph.js';

/** A line of a drawing: the lanes, and the version that stands on one of them. */
export interface GraphRow {
  /** e.g. "| *"; "|/" between versions. */
  readonly lanes: string;
  /** Of the version, "0" for the base; null on a line that only connects. */
  readonly id: string | null;
}

/** What is drawn: a version and those that it follows. */
interface Drawn {
  readonly id: string;
  readonly parents: readonly string[];
}

/** Newest first; what has no parents follows the base, where that is known. */
export function drawnVersions({ versions, base }: VersionGraph): Drawn[] {
  const root = base ? [versionBeforeFirst] : [];
  const drawn = versions.map(({ id, parents }) => ({
    id,
    parents: parents.length > 0 ? parents : root,
  }));
  return [...drawn.reverse(), ...root.map((id) => ({ id, parents: [] }))];
}

/**
 * Draws the graph with the newest version on top and a lane for each branch, as `git log --graph` does.
 *
 * @example
 * for (const { lanes, id } of drawGraph(graph)) console.log(lanes, id ?? '');
 */
export function drawGraph(graph: VersionGraph): GraphRow[] {
  const rows: GraphRow[] = [];
  const connect = (lanes: string) => rows.push({ lanes, id: null });
  // The version that comes next on each lane.
  const lanes: string[] = [];
  for (const { id, parents } of drawnVersions(graph)) {
    if (!lanes.includes(id)) lanes.push(id);
    const lane = lanes.indexOf(id);
    for (let other = lanes.lastIndexOf(id); other > lane; other = lanes.lastIndexOf(id)) {
      connect(joinLanes(lanes.length, lanes.lastIndexOf(id, other - 1), other));
      lanes.splice(other, 1);
    }
    rows.push({ lanes: lanes.map((_, at) => (at === lane ? '*' : '|')).join(' '), id });
    for (const parent of parents.slice(1).reverse()) {
      connect(splitLane(lanes.length, lane));
      lanes.splice(lane + 1, 0, parent);
    }
    const [first] = parents;
    if (first !== undefined) lanes[lane] = first;
    else {
      lanes.splice(lane, 1);
      if (lanes.length > lane) connect(endLane(lanes.length + 1, lane));
    }
  }
  return rows;
}

/** Characters by their column, spaces between them. */
function line(marks: readonly (readonly [column: number, mark: string])[]): string {
  const characters: string[] = [];
  for (const [column, mark] of marks) characters[column] = mark;
  return Array.from(characters, (mark) => mark ?? ' ').join('');
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);

const straight = (from: number, to: number) =>
  numbers(from, to).map((lane) => [lane * 2, '|'] as const);

/** Lanes that move one to the left. */
const leftwards = (from: number, to: number) =>
  numbers(from, to).map((lane) => [lane * 2 - 1, '/'] as const);

/** "|_|/": a lane ends in another one to its left. */
function joinLanes(count: number, into: number, lane: number): string {
  const across = numbers(into, lane - 1).map((between) => [between * 2 + 1, '_'] as const);
  return line([...straight(0, lane), ...across, ...leftwards(lane, count)]);
}

/** "|\": a new lane to the right of one. */
function splitLane(count: number, lane: number): string {
  const rightwards = numbers(lane, count).map((one) => [one * 2 + 1, '\\'] as const);
  return line([...straight(0, lane + 1), ...rightwards]);
}

/** " /": the lanes behind one that ends close up. */
function endLane(count: number, lane: number): string {
  return line([...straight(0, lane), ...leftwards(lane + 1, count)]);
}
