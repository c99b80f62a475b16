import { type Attributes, parseDefinition } from './definition.js';
import type { Safety } from './safety.js';
import type { SchemaChange, SchemaModel, SchemaObject } from './schema-model.js';

/** What a change does to the rows that are there, as far as the schemas alone can say. */
export interface ChangeEffect {
  readonly safety: Safety;
  /** In a few words; empty where the change is SAFE. */
  readonly reason: string;
  /** What to count in the live database to know how much. */
  readonly measure: Measure | null;
}

/** What can be counted of a change. Names are as in the schema model, already in the form of SQL. */
export type Measure =
  | { readonly what: 'rows'; readonly table: string }
  | { readonly what: 'values'; readonly table: string; readonly column: string }
  | {
      readonly what: 'conversion';
      readonly table: string;
      readonly column: string;
      readonly from: string;
      readonly to: string;
    }
  | { readonly what: 'nulls'; readonly table: string; readonly column: string }
  | { readonly what: 'violations'; readonly table: string; readonly definition: string }
  | {
      readonly what: 'labels';
      readonly type: string;
      readonly labels: readonly string[];
      readonly columns: readonly ColumnName[];
    };

export interface ColumnName {
  readonly table: string;
  readonly column: string;
}

/** A change and its effect on the rows that are there. */
export interface AssessedChange extends SchemaChange {
  readonly safety: Safety;
  readonly reason: string;
  readonly measure: Measure | null;
}

const safe: ChangeEffect = { safety: 'SAFE', reason: '', measure: null };

const loses = (reason: string, measure: Measure | null = null): ChangeEffect => ({
  safety: 'DATA_LOSS',
  reason,
  measure,
});

const unsafe = (reason: string, measure: Measure | null = null): ChangeEffect => ({
  safety: 'UNSAFE',
  reason,
  measure,
});

/** The objects of a schema by kind and name. */
class Objects {
  readonly #byKey: ReadonlyMap<string, SchemaObject>;
  readonly model: SchemaModel;

  constructor(model: SchemaModel) {
    this.model = model;
    this.#byKey = new Map(
      model.objects.map((object) => [`${object.kind}\0${object.name}`, object]),
    );
  }

  attributes(kind: string, name: string): Attributes | undefined {
    const object = this.#byKey.get(`${kind}\0${name}`);
    return object && parseDefinition(object.definition);
  }

  isTable(name: string): boolean {
    return this.#byKey.has(`table\0${name}`);
  }
}

const text = (attributes: Attributes | undefined, key: string): string => {
  const value = attributes?.[key];
  return typeof value === 'string' ? value : '';
};

/** The last part of a column's name, after the table's. */
function columnOf(name: string, table: string): ColumnName {
  return { table, column: name.slice(table.length + 1) };
}

type Sides = { readonly before: Objects; readonly after: Objects };

function removed(change: SchemaChange, { before }: Sides): ChangeEffect {
  const { name } = change;
  const attributes = before.attributes(change.object, name);
  switch (change.object) {
    case 'table':
      return unsafe('the table goes with all its rows', { what: 'rows', table: name });
    case 'column': {
      const table = text(attributes, 'on');
      if (!before.isTable(table) || attributes?.generated) return safe;
      return loses('the column goes with its values', { what: 'values', ...columnOf(name, table) });
    }
    case 'sequence':
      return loses('the sequence goes with its value');
    case 'extension':
      return loses('what the extension keeps in tables of its own goes with it');
    default:
      return safe;
  }
}

function added(change: SchemaChange, { before, after }: Sides): ChangeEffect {
  const { name } = change;
  const attributes = after.attributes(change.object, name);
  const holder = text(attributes, 'on');
  switch (change.object) {
    case 'column': {
      const hasValue = ['default', 'identity', 'generated'].some((key) => attributes?.[key]);
      if (!before.isTable(holder) || !attributes?.['not null'] || hasValue) return safe;
      return loses('rows that are there have no value for it', { what: 'rows', table: holder });
    }
    case 'constraint':
      return addedConstraint(holder, text(attributes, 'definition'), before);
    case 'index': {
      const definition = text(attributes, 'definition');
      if (!definition.startsWith('CREATE UNIQUE') || !before.isTable(holder)) return safe;
      return loses('rows that are there may not be unique');
    }
    default:
      return safe;
  }
}

function addedConstraint(holder: string, definition: string, before: Objects): ChangeEffect {
  if (definition.endsWith(' NOT VALID')) return safe;
  if (before.isTable(holder)) {
    return loses('rows that are there may break it', {
      what: 'violations',
      table: holder,
      definition,
    });
  }
  const isDomain = before.attributes('domain', holder) !== undefined;
  return isDomain ? loses('values that are there may break it') : safe;
}

/** Widenings that keep every value as it is. */
const widening: readonly (readonly [from: RegExp, to: RegExp])[] = [
  [/^smallint$/, /^(?:integer|bigint|numeric)$/],
  [/^integer$/, /^(?:bigint|numeric)$/],
  [/^bigint$/, /^numeric$/],
  [/^real$/, /^double precision$/],
  [/^character varying(?:\(\d+\))?$/, /^(?:text|character varying)$/],
  [/^date$/, /^timestamp without time zone$/],
];

function keepsValues(from: string, to: string): boolean {
  if (widening.some(([before, after]) => before.test(from) && after.test(to))) return true;
  const sizes = [from, to].map((type) => /^character varying\((\d+)\)$/.exec(type)?.[1]);
  return sizes[0] !== undefined && sizes[1] !== undefined && Number(sizes[1]) >= Number(sizes[0]);
}

function changedColumn(name: string, { before, after }: Sides): ChangeEffect {
  const [was, is] = [before.attributes('column', name), after.attributes('column', name)];
  const table = text(was, 'on');
  if (!before.isTable(table)) {
    const isType = before.attributes('composite type', table) !== undefined;
    return isType && text(was, 'type') !== text(is, 'type')
      ? loses('values of the type are converted')
      : safe;
  }
  const column = columnOf(name, table);
  const [from, to] = [text(was, 'type'), text(is, 'type')];
  if (from !== to && !keepsValues(from, to)) {
    return loses(`its values are converted from ${from} to ${to}`, {
      ...{ what: 'conversion', ...column, from, to },
    });
  }
  if (text(was, 'generated') !== text(is, 'generated')) {
    return is?.generated
      ? loses('its values are replaced by computed ones', { what: 'values', ...column })
      : safe;
  }
  if (!was?.['not null'] && is?.['not null']) {
    return loses('rows without a value break it', { what: 'nulls', ...column });
  }
  return safe;
}

/** The columns of tables that have a type. */
function columnsOfType(
  type: string,
  { model, isTable }: { model: SchemaModel; isTable: (name: string) => boolean },
): ColumnName[] {
  return model.objects.flatMap(({ kind, name, definition }) => {
    if (kind !== 'column') return [];
    const attributes = parseDefinition(definition);
    const table = text(attributes, 'on');
    return text(attributes, 'type') === type && isTable(table) ? [columnOf(name, table)] : [];
  });
}

function changedEnum(name: string, { before, after }: Sides): ChangeEffect {
  const labels = (objects: Objects): readonly string[] => {
    const value = objects.attributes('enum', name)?.labels;
    return value === undefined || typeof value === 'string' ? [] : value;
  };
  const left = new Set(labels(after));
  const gone = labels(before).filter((label) => !left.has(label));
  if (gone.length === 0) return safe;
  const columns = columnsOfType(name, {
    model: before.model,
    isTable: (table) => before.isTable(table),
  });
  return loses(`rows with ${gone.join(', ')} have no such value any more`, {
    ...{ what: 'labels', type: name, labels: gone, columns },
  });
}

function changedTable(name: string, { before, after }: Sides): ChangeEffect {
  const [was, is] = [before.attributes('table', name), after.attributes('table', name)];
  const differs = (key: string) => JSON.stringify(was?.[key]) !== JSON.stringify(is?.[key]);
  const rows = { what: 'rows', table: name } as const;
  if (['partition by', 'inherits', 'of type'].some(differs)) {
    return unsafe('the table has to be made anew', rows);
  }
  if (['partition of', 'partition bound'].some(differs)) {
    return loses('its rows may not fit the partition', rows);
  }
  if (differs('unlogged') && is?.unlogged)
    return loses('a crash of the server will empty it', rows);
  return safe;
}

function changed(change: SchemaChange, sides: Sides): ChangeEffect {
  const { name } = change;
  const { before, after } = sides;
  switch (change.object) {
    case 'column':
      return changedColumn(name, sides);
    case 'table':
      return changedTable(name, sides);
    case 'enum':
      return changedEnum(name, sides);
    case 'constraint': {
      const [was, is] = [before, after].map((side) => side.attributes('constraint', name));
      if (text(was, 'definition') === text(is, 'definition')) return safe;
      return addedConstraint(text(is, 'on'), text(is, 'definition'), before);
    }
    case 'domain': {
      const [was, is] = [before, after].map((side) => side.attributes('domain', name));
      if (text(was, 'type') !== text(is, 'type'))
        return loses('values of the domain are converted');
      return !was?.['not null'] && is?.['not null'] ? loses('empty values break it') : safe;
    }
    default:
      return safe;
  }
}

/**
 * Says of each change what it does to the rows that are there, going from one schema to the other.
 *
 * @example
 * assessChanges(compareSchemas(before, after), before, after);
 * // [{ kind: 'removed', object: 'table', name: 'public.sessions', safety: 'UNSAFE', … }]
 */
export function assessChanges(
  changes: readonly SchemaChange[],
  before: SchemaModel,
  after: SchemaModel,
): AssessedChange[] {
  const sides = { before: new Objects(before), after: new Objects(after) };
  const assess = { removed, added, changed };
  return changes.map((change) => ({ ...change, ...assess[change.kind](change, sides) }));
}
