import type { Safety } from '../../../src/domain/safety.js';
import type { SchemaChange } from '../../../src/domain/schema-model.js';

/** A change as the page shows it; what a rehearsal or a comparison of versions knows beside is shown too. */
export interface ShownChange extends SchemaChange {
  readonly safety?: Safety | undefined;
  readonly reason?: string | undefined;
}

/** One line of a change, before on the left and after on the right. */
export interface SideLine {
  /** Name of the attribute, e.g. "type"; empty where the line goes on with a longer text. */
  readonly label: string;
  /** Null: nothing stands on this side. */
  readonly before: string | null;
  readonly after: string | null;
}

export interface SideChange {
  readonly change: ShownChange;
  /** Without what the group's title says already: "total" of public.orders.total. */
  readonly shortName: string;
  readonly lines: readonly SideLine[];
}

/** The changes of one object and of what belongs to it. */
export interface SchemaGroup {
  /** Name of the table, view, type or function that it is about. */
  readonly title: string;
  readonly changes: readonly SideChange[];
}

/** Kinds whose name is their holder's name, a dot and their own. */
const partKinds = new Set(['column', 'constraint', 'trigger', 'rule', 'policy']);

const lastPart = /\.((?:"(?:[^"]|"")*")|[^."]+)$/;

/** Of an index, the name does not say whose it is; its definition does. */
const indexHolder =
  /\bON (?:ONLY )?((?:(?:"(?:[^"]|"")*"|[^\s".(]+)\.)?(?:"(?:[^"]|"")*"|[^\s".(]+)) USING /;

/** The object that a change belongs to, and the change's name within it. */
export function holderOf({ object, name, detail }: SchemaChange): {
  readonly holder: string;
  readonly own: string;
} {
  const part = lastPart.exec(name);
  if (partKinds.has(object) && part) {
    const holder = name.slice(0, part.index);
    if (holder !== '') return { holder, own: part[1] ?? name };
  }
  const table = object === 'index' ? indexHolder.exec(detail)?.[1] : undefined;
  return { holder: table ?? name, own: name };
}

const arrow = ' → ';

/** "type: integer → bigint" as its two sides. Where an arrow is part of a value it cannot be told apart: both sides get all. */
function attributeLine(line: string): SideLine {
  const colon = line.indexOf(': ');
  if (colon < 0) return { label: '', before: line, after: line };
  const [label, text] = [line.slice(0, colon), line.slice(colon + 2)];
  const sides = text.split(arrow);
  const [before = '', after = ''] = sides;
  return sides.length === 2 ? { label, before, after } : { label, before: text, after: text };
}

/** What left and what came, below the name of a longer attribute; pairs of lines stand beside each other. */
function blockLines(label: string, block: readonly string[]): SideLine[] {
  const gone = block.filter((line) => line.startsWith('- ')).map((line) => line.slice(2));
  const came = block.filter((line) => line.startsWith('+ ')).map((line) => line.slice(2));
  return Array.from({ length: Math.max(gone.length, came.length) }, (_, index) => ({
    label: index === 0 ? label : '',
    before: gone[index] ?? null,
    after: came[index] ?? null,
  }));
}

function changedLines(detail: string): SideLine[] {
  const lines = detail.split('\n');
  const found: SideLine[] = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? '';
    let end = at + 1;
    while (/^[-+] /.test(lines[end] ?? '')) end += 1;
    const isBlock = end > at + 1 && line.endsWith(':');
    if (isBlock) found.push(...blockLines(line.slice(0, -1), lines.slice(at + 1, end)));
    else found.push(attributeLine(line));
    at = isBlock ? end : at + 1;
  }
  return found;
}

/** The two sides of a change. What was added has nothing on the left, what was removed nothing on the right. */
export function linesOf({ kind, detail }: SchemaChange): SideLine[] {
  if (kind === 'changed') return changedLines(detail);
  const lines = detail === '' ? ['(no attributes of its own)'] : detail.split('\n');
  return lines.map((line) => ({
    label: '',
    before: kind === 'removed' ? line : null,
    after: kind === 'added' ? line : null,
  }));
}

/**
 * Changes by the object that they are about, in the order of names; within a group the object itself comes first.
 *
 * @example
 * groupChanges([{ kind: 'changed', object: 'column', name: 'public.t.n', detail: 'type: integer → bigint' }]);
 * // [{ title: 'public.t', changes: [{ shortName: 'n', lines: [{ label: 'type', before: 'integer', after: 'bigint' }], … }] }]
 */
export function groupChanges(changes: readonly ShownChange[]): SchemaGroup[] {
  const groups = new Map<string, SideChange[]>();
  for (const change of changes) {
    const { holder, own } = holderOf(change);
    const group = groups.get(holder) ?? [];
    group.push({ change, shortName: own, lines: linesOf(change) });
    groups.set(holder, group);
  }
  const byName = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  return [...groups]
    .sort(([a], [b]) => byName(a, b))
    .map(([title, list]) => ({
      title,
      changes: list.sort(
        (a, b) =>
          Number(b.change.name === title) - Number(a.change.name === title) ||
          byName(a.change.object, b.change.object) ||
          byName(a.change.name, b.change.name),
      ),
    }));
}

/** "2 added, 1 changed", for a heading. */
export function countKinds(changes: readonly Pick<SchemaChange, 'kind'>[]): string {
  const kinds = ['added', 'removed', 'changed'] as const;
  const counts = kinds.map((kind) => ({
    kind,
    count: changes.filter((change) => change.kind === kind).length,
  }));
  const said = counts.filter(({ count }) => count > 0).map(({ kind, count }) => `${count} ${kind}`);
  return said.length === 0 ? 'no difference' : said.join(', ');
}
