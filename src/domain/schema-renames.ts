import { type Attributes, formatDefinition, parseDefinition } from './definition.js';
import type { Rename } from './history.js';
import { type SchemaModel, withoutColumnOrder } from './schema-model.js';

/** Something that went while something alike came: perhaps one object with another name. */
export interface RenameCandidate extends Rename {
  /** 0 to 1: how much of what makes the object is the same. */
  readonly likeness: number;
}

/** Kinds that hold rows or that others refer to by name; the rest is made anew without a loss. */
const topKinds = [
  'table',
  'view',
  'materialized view',
  'enum',
  'domain',
  'composite type',
  'sequence',
];

/** Tables with fewer columns in common are two tables. */
const leastLikeness = 0.6;

interface Known {
  readonly kind: string;
  readonly name: string;
  readonly attributes: Attributes;
  /** What it is made of, without its own name. */
  readonly parts: ReadonlySet<string>;
}

const text = (attributes: Attributes, key: string): string => {
  const value = attributes[key];
  return typeof value === 'string' ? value : '';
};

/** Everything of the name up to the last part: the schema, or the table of a column. */
function placeOf({ kind, name, attributes }: Known): string {
  if (kind === 'column') return text(attributes, 'on');
  return /^((?:"(?:[^"]|"")*"|[^."])+)\./.exec(name)?.[1] ?? '';
}

/** The objects of a model that may have been renamed, each with what it is made of. */
function collect(model: SchemaModel): Map<string, Known> {
  const columns = new Map<string, string[]>();
  const parsed = withoutColumnOrder(model).objects.map((object) => ({
    object,
    attributes: parseDefinition(object.definition),
  }));
  for (const { object, attributes } of parsed) {
    if (object.kind !== 'column') continue;
    const holder = text(attributes, 'on');
    const column = `${object.name.slice(holder.length + 1)} ${text(attributes, 'type')}`;
    columns.set(holder, [...(columns.get(holder) ?? []), column]);
  }
  const known = new Map<string, Known>();
  for (const { object, attributes } of parsed) {
    if (object.kind !== 'column' && !topKinds.includes(object.kind)) continue;
    const own = columns.get(object.name);
    const parts = own ? new Set(own) : new Set([withoutPlace(attributes)]);
    known.set(`${object.kind}\0${object.name}`, { ...object, attributes, parts });
  }
  return known;
}

function withoutPlace(attributes: Attributes): string {
  const { on: _on, owner: _owner, comment: _comment, grants: _grants, ...kept } = attributes;
  return formatDefinition(kept);
}

function likeness(a: Known, b: Known): number {
  if (a.kind === 'column') return likenessOfColumns(a.attributes, b.attributes);
  const shared = [...a.parts].filter((part) => b.parts.has(part)).length;
  return shared / Math.max(a.parts.size, b.parts.size);
}

/** Two columns of one type may be one; what else they share says how likely it is. */
function likenessOfColumns(a: Attributes, b: Attributes): number {
  if (text(a, 'type') !== text(b, 'type')) return 0;
  const keys = ['not null', 'default', 'identity', 'generated', 'collation', 'comment'];
  const same = keys.filter((key) => JSON.stringify(a[key]) === JSON.stringify(b[key])).length;
  return 0.5 + (0.5 * same) / keys.length;
}

const isWhole = ({ kind }: Known, objects: ReadonlyMap<string, Known>, holder: string): boolean =>
  kind !== 'column' || ['table', 'foreign table'].some((one) => objects.has(`${one}\0${holder}`));

/**
 * What may have been renamed between two schemas: of one kind, in one place, and made of the same. Each object is in one
 * pair at most, the likeliest. Columns of views are left out: they are part of the view.
 */
export function renameCandidates(a: SchemaModel, b: SchemaModel): RenameCandidate[] {
  const [before, after] = [collect(a), collect(b)];
  const gone = [...before].filter(([key]) => !after.has(key)).map(([, one]) => one);
  const came = [...after].filter(([key]) => !before.has(key)).map(([, one]) => one);
  const byPlace = new Map<string, Known[]>();
  for (const one of came) {
    const place = `${one.kind}\0${placeOf(one)}`;
    byPlace.set(place, [...(byPlace.get(place) ?? []), one]);
  }
  const pairs: RenameCandidate[] = [];
  for (const one of gone) {
    const place = placeOf(one);
    if (!isWhole(one, before, place)) continue;
    for (const other of byPlace.get(`${one.kind}\0${place}`) ?? []) {
      const found = likeness(one, other);
      if (found < leastLikeness) continue;
      pairs.push({ object: one.kind, from: one.name, to: other.name, likeness: found });
    }
  }
  return bestPairs(pairs);
}

/** Each name once, the likeliest pairs first. */
function bestPairs(pairs: readonly RenameCandidate[]): RenameCandidate[] {
  const taken = new Set<string>();
  const order = [...pairs].sort(
    (x, y) => y.likeness - x.likeness || (x.from + x.to < y.from + y.to ? -1 : 1),
  );
  return order.filter(({ object, from, to }) => {
    const names = [`${object}<${from}`, `${object}>${to}`];
    if (names.some((name) => taken.has(name))) return false;
    for (const name of names) taken.add(name);
    return true;
  });
}
