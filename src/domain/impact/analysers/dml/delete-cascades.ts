import { type Finding, finding } from '../../finding.js';
import type { World, WorldRelation } from '../../world.js';
import { type Reference, referencesTo, refersTo, withFollowers } from './references.js';
import { both, countRows, type MatchedRows, type Rows } from './rows.js';
import { nameOf, rowLock } from './target.js';
import { columnNames, countReferring } from './update-cascades.js';

/** A table from which rows go, and what leads to it. */
interface Node {
  readonly relation: WorldRelation;
  /** Foreign keys by which rows of other tables take these along. */
  readonly incoming: Reference[];
  /** Foreign keys of the table to itself that do. */
  readonly own: Reference[];
  /** Foreign keys to it that do something else: fail, or put another value. */
  readonly others: Reference[];
}

/** What deleting rows does to the rows that refer to them, over all levels; each table once. */
export function deleteCascades(
  world: World,
  start: WorldRelation,
  matched: MatchedRows,
): readonly Finding[] {
  return new Cascade(world, start, matched).findings();
}

class Cascade {
  readonly #world: World;
  readonly #start: WorldRelation;
  readonly #matched: MatchedRows;
  readonly #nodes = new Map<string, Node>();
  readonly #conditions = new Map<string, string | null>();
  #isCircular = false;

  constructor(world: World, start: WorldRelation, matched: MatchedRows) {
    this.#world = world;
    this.#start = start;
    this.#matched = matched;
    this.#visit(start, []);
  }

  #visit(relation: WorldRelation, way: readonly string[]): Node {
    const node: Node = { relation, incoming: [], own: [], others: [] };
    this.#nodes.set(relation.id, node);
    for (const reference of referencesTo(this.#world, relation, this.#hasTree(relation))) {
      const { key, from } = reference;
      if (key.onDelete !== 'c') node.others.push(reference);
      else if (from.id === relation.id) node.own.push(reference);
      else {
        if (way.includes(from.id)) this.#isCircular = true;
        const next = this.#nodes.get(from.id) ?? this.#visit(from, [...way, relation.id]);
        next.incoming.push(reference);
      }
    }
    return node;
  }

  /** Rows of inheritors go too only where the statement names their parent; a foreign key knows partitions alone. */
  #hasTree(relation: WorldRelation): boolean {
    if (relation.kind === 'p') return true;
    const table = 'table' in this.#matched ? this.#matched.table : undefined;
    return relation.id === this.#start.id && table?.only === false;
  }

  findings(): readonly Finding[] {
    const nodes = [...this.#nodes.values()];
    const taken = nodes.flatMap((node) => this.#taken(node));
    return [...taken, ...nodes.flatMap(({ others }) => others.flatMap((one) => this.#other(one)))];
  }

  /** Rows of a table that go along. */
  #taken(node: Node): readonly Finding[] {
    const { relation } = node;
    const isStart = relation.id === this.#start.id;
    const reason = (from: string) =>
      `rows that refer to deleted ones of ${from} go along (ON DELETE CASCADE)`;
    const object = nameOf(relation);
    const because = nameOf(isStart ? this.#start : (node.incoming[0]?.to ?? this.#start));
    if (isStart && node.own.length === 0) return [];
    const facts = this.#facts(relation, ['DELETE']);
    // All rows go already.
    if (isStart && 'condition' in this.#matched && this.#matched.condition === null) return [];
    this.#world.touch(relation);
    const rows = this.#rowsOf(node);
    const counted = rows && isStart ? this.#onlyFollowers(rows) : rows;
    return [
      finding({
        ...{ rule: 'cascade-delete', operation: 'DELETE', object, safety: 'DATA_LOSS', because },
        ...{ ...facts, reason: reason(because), counts: 'rows-lost' },
        ...this.#measure(counted && countRows(counted)),
      }),
    ];
  }

  /** Without the rows that the statement itself names. */
  #onlyFollowers(rows: Rows): Rows {
    const named = 'condition' in this.#matched ? this.#matched.condition : null;
    return { ...rows, condition: both(rows.condition, `(${named}) IS NOT TRUE`) };
  }

  #facts(relation: WorldRelation, events: readonly ('UPDATE' | 'DELETE')[]) {
    const table = relation.live?.oid ?? null;
    const after = this.#world.touchedBefore(relation);
    const loss = table === null ? null : ({ what: 'rows', table, events } as const);
    return { table, after, loss, lock: rowLock } as const;
  }

  #measure(measure: Finding['measure'] | undefined): Pick<Finding, 'measure' | 'unmeasured'> {
    return measure ? { measure, unmeasured: null } : { measure: null, unmeasured: this.#why() };
  }

  #why(): string {
    if ('unmeasured' in this.#matched) return this.#matched.unmeasured;
    if (this.#isCircular) return 'its foreign keys lead in a circle';
    return 'the script makes a table on the way';
  }

  /** Rows that go from a table; undefined: not to be said. */
  #rowsOf(node: Node): Rows | undefined {
    if (this.#isCircular || 'unmeasured' in this.#matched) return undefined;
    const { relation } = node;
    const isStart = relation.id === this.#start.id;
    const table = isStart ? this.#matched.table : this.#world.measured(relation);
    if (!table) return undefined;
    const { matched } = this.#matched;
    const known = this.#conditions.get(relation.id);
    if (known !== undefined) return { table, condition: known, isSimple: false, matched };
    const named = isStart ? [this.#matched.condition] : [];
    const led = node.incoming.map((reference) => this.#conditionBy(reference));
    if (led.includes(undefined)) return undefined;
    const parts = [...named, ...led];
    const isAll = parts.includes(null);
    const some = parts.map((part) => `(${part})`).join(' OR ');
    const base: Rows = { table, condition: isAll ? null : some, isSimple: false, matched };
    const condition =
      isAll || node.own.length === 0 ? base.condition : withFollowers(this.#world, node.own, base);
    this.#conditions.set(relation.id, condition);
    return { ...base, condition };
  }

  #conditionBy(reference: Reference): string | undefined {
    const rows = this.#rowsReferred(reference);
    return rows && refersTo(this.#world, reference, rows);
  }

  #rowsReferred({ to }: Reference): Rows | undefined {
    const node = this.#nodes.get(to.id) ?? this.#nodeAbove(to);
    return node && this.#rowsOf(node);
  }

  /** A partition's rows go with those of its table. */
  #nodeAbove(relation: WorldRelation): Node | undefined {
    return [...this.#nodes.values()].find((node) =>
      this.#world.descendantsOf(node.relation).some(({ id }) => id === relation.id),
    );
  }

  /** A foreign key that puts NULL or its default, or makes the statement fail. */
  #other(reference: Reference): readonly Finding[] {
    const { key, from, to } = reference;
    const rows = this.#rowsReferred(reference);
    const table = this.#world.measured(from);
    const referring = rows && table && refersTo(this.#world, reference, rows);
    const left = referring && this.#withoutDeleted(from, referring);
    if (left === null) return [];
    const counted: Rows | undefined =
      left && rows && table ? { ...rows, table, condition: left } : undefined;
    const object = nameOf(from);
    const common = { object, because: nameOf(to) };
    const isSet = key.onDelete === 'n' || key.onDelete === 'd';
    if (!isSet) return [this.#inTheWay(reference, counted, common)];
    const operation = key.onDelete === 'n' ? 'SET NULL' : 'SET DEFAULT';
    const facts = this.#facts(from, ['UPDATE']);
    this.#world.touch(from, columnNames(this.#world, from, key.columns));
    return [
      finding({
        ...{ rule: 'cascade-update', operation, safety: 'DATA_LOSS', ...common, ...facts },
        reason: `rows that refer to deleted ones of ${common.because} lose their reference (ON DELETE ${operation})`,
        counts: 'rows-changed',
        ...this.#measure(counted && countReferring(counted)),
      }),
    ];
  }

  /** Null: all rows of that table go too. Undefined: not to be said. */
  #withoutDeleted(from: WorldRelation, referring: string): string | null | undefined {
    const node = this.#nodes.get(from.id);
    if (!node) return referring;
    const deleted = this.#rowsOf(node);
    if (!deleted) return undefined;
    return deleted.condition === null
      ? null
      : both(referring, `(${deleted.condition}) IS NOT TRUE`);
  }

  #inTheWay(
    { key, from }: Reference,
    rows: Rows | undefined,
    common: { object: string; because: string },
  ): Finding {
    const late = key.deferrable ? '; it may be checked only when the transaction ends' : '';
    return finding({
      ...{ rule: 'rows-in-the-way', operation: 'DELETE', safety: 'SAFE', ...common },
      reason: `it fails where rows of ${common.object} refer to deleted ones of ${common.because} (foreign key ${key.name})${late}`,
      counts: key.deferrable ? 'rows-touched' : 'failures',
      ...this.#measure(rows && countRows(rows)),
      table: from.live?.oid ?? null,
      after: this.#world.touchedBefore(from),
    });
  }
}
