import { type Finding, finding } from '../../finding.js';
import { columnsUsed } from '../../grammar.js';
import type { LiveCatalog } from '../../live-catalog.js';
import type { MeasuredTable } from '../../measure.js';
import { printedName, printedPart } from '../../world/printed-names.js';
import {
  contentOf,
  isTree,
  namesOf,
  nodesAt,
  relationNameOf,
  textAt,
  treeAt,
} from '../../world/tree.js';
import type { Tree, World, WorldRelation } from '../../world.js';

/** The table whose rows a statement changes. */
export interface DmlTarget {
  readonly relation: WorldRelation;
  /** For people. */
  readonly name: string;
  /** Its rows in the live database, with those of inheritors unless ONLY was written; null: the script made it. */
  readonly table: MeasuredTable | null;
  /** RangeVar's content, with a name by which conditions call it. */
  readonly range: Tree;
  readonly alias: string;
}

export type DmlEvent = 'INSERT' | 'UPDATE' | 'DELETE' | 'TRUNCATE';

/** Tables, partitioned and foreign ones, and views. */
const changeable = new Set(['r', 'p', 'f', 'v']);

/** Finds the table; or the one finding that says that there is none. */
export function findTarget(
  world: World,
  range: Tree | undefined,
  operation: string,
): DmlTarget | readonly Finding[] {
  const name = relationNameOf(range);
  const relation = world.findRelation(name);
  if (!relation || !range) {
    const object = name.schema ? printedName(name.schema, name.name) : printedPart(name.name);
    return [
      finding({
        ...{ rule: 'object-missing', operation, object, safety: 'SAFE', fails: true },
        reason: `there is no table ${object}`,
      }),
    ];
  }
  if (!changeable.has(relation.kind)) {
    const reason = 'its rows cannot be changed: it is no table';
    return [
      finding({
        ...{ rule: 'object-missing', operation, object: nameOf(relation), safety: 'SAFE' },
        ...{ fails: true, reason },
      }),
    ];
  }
  const alias = textAt(treeAt(range, 'alias'), 'aliasname') ?? name.name;
  const measured = world.measured(relation) ?? null;
  const hasTree =
    range.inh === true && (relation.kind === 'p' || world.descendantsOf(relation).length > 0);
  return {
    ...{ relation, range, alias },
    name: nameOf(relation),
    // Of a partitioned table alone there are no rows.
    table: measured && { ...measured, only: !hasTree && ['r', 'p'].includes(relation.kind) },
  };
}

const systemColumns = new Set(['ctid', 'tableoid', 'xmin', 'xmax', 'cmin', 'cmax']);

/**
 * Columns that a condition over the table alone names and that are not there, so that the statement fails. A name that
 * a subquery may give is left to the server.
 */
export function missingColumns(
  world: World,
  target: DmlTarget,
  expression: unknown,
): readonly string[] {
  const names = ownReferences(expression).flatMap((fields) => {
    const name = fields.at(-1) ?? '';
    const isRow = fields.length === 1 && name === target.alias;
    const isOwn = fields.length === 1 || (fields.length === 2 && fields[0] === target.alias);
    const isThere = systemColumns.has(name) || world.findColumn(target.relation, name);
    return isOwn && !isRow && !isThere ? [name] : [];
  });
  return [...new Set(names)];
}

/** References to columns, in parts, outside of subqueries. */
function ownReferences(value: unknown): readonly (readonly string[])[] {
  if (Array.isArray(value)) return value.flatMap(ownReferences);
  if (!isTree(value) || 'SubLink' in value) return [];
  const reference = contentOf(value, 'ColumnRef');
  if (!reference) return Object.values(value).flatMap(ownReferences);
  const fields = nodesAt(reference, 'fields');
  const names = namesOf(fields);
  return fields.length === names.length ? [names] : [];
}

/** It fails before it looks at any row. */
export function refused(
  { name }: DmlTarget,
  facts: { readonly rule: string; readonly operation: string; readonly reason: string },
): readonly Finding[] {
  return [finding({ ...facts, object: name, safety: 'SAFE', fails: true })];
}

export const nameOf = ({ schema, name, isTemporary }: WorldRelation): string =>
  isTemporary ? printedPart(name) : printedName(schema, name);

export const isFindings = (value: DmlTarget | readonly Finding[]): value is readonly Finding[] =>
  Array.isArray(value);

/** What others feel of changes of rows. */
export const rowLock = 'ROW EXCLUSIVE';

/** Earlier statements after which the rows, or what the conditions look at, are other ones. */
export function changedBefore(
  world: World,
  relation: WorldRelation,
  conditions: unknown,
  columns: readonly string[] = [],
): readonly number[] {
  return world.touchedBefore(relation, [...columnsUsed(conditions), ...columns]);
}

/** Triggers and rules of the table, as far as they may do something that is not counted. */
export function sideEffects(world: World, relation: WorldRelation, event: DmlEvent): string {
  const triggers = world
    .triggersOf(relation)
    .filter(({ enabled, definition, name }) => enabled !== 'D' && firesOn(definition, name, event))
    .map(({ name }) => printedPart(name));
  const rules = rulesOf(world, relation);
  const parts = [
    listed(triggers, 'its trigger fires', 'its triggers fire'),
    listed(rules, 'it has the rule', 'it has the rules'),
  ].filter((part) => part !== '');
  return parts.length === 0 ? '' : `${parts.join('; ')}: what they do is not counted`;
}

function listed(names: readonly string[], one: string, many: string): string {
  if (names.length === 0) return '';
  return `${names.length === 1 ? one : many} (${names.join(', ')})`;
}

/** The server prints triggers in one form: name, time, events, ON table. */
function firesOn(definition: string, name: string, event: DmlEvent): boolean {
  const from = definition.indexOf(name) + name.length;
  const head = definition.slice(from, definition.indexOf(' ON ', from));
  return head.split(/[\s"]+/).includes(event);
}

// A script may have a hundred thousand statements: what they all ask of the catalog is looked up once.
const rulesByCatalog = new WeakMap<LiveCatalog, ReadonlyMap<number, readonly string[]>>();

/** Rules of a table or view, other than what makes it a view. */
export function rulesOf({ catalog }: World, { live }: WorldRelation): readonly string[] {
  const known = rulesByCatalog.get(catalog) ?? readRules(catalog);
  rulesByCatalog.set(catalog, known);
  return known.get(live?.oid ?? 0) ?? [];
}

function readRules({ others }: LiveCatalog): ReadonlyMap<number, readonly string[]> {
  const rules = new Map<number, string[]>();
  for (const { kind, relation, name, identity } of others) {
    if (kind !== 'rule' || name === '_RETURN') continue;
    rules.set(relation, [...(rules.get(relation) ?? []), name ?? identity]);
  }
  return rules;
}

/** A sentence from its parts. */
export const sentence = (...parts: readonly string[]): string =>
  parts.filter((part) => part !== '').join('; ');

/** Nothing that was there before the script is lost. */
export function ownRows(
  { name, relation }: DmlTarget,
  facts: { rule: string; operation: string; after: readonly number[] },
): Finding {
  const what = relation.isTemporary ? 'a temporary table' : 'a table that the script makes';
  return finding({
    ...facts,
    ...{ object: name, safety: 'SAFE', lock: rowLock },
    reason: `${what}: its rows are the script’s own`,
  });
}
