import fc from 'fast-check';
import { Choices, type ObjectKind, type ObjectSpec, objectKinds, pickCount } from './choices.js';
import { addConstraint, addForeignKey } from './constraints.js';
import { addIndex, addStatistics } from './indexes.js';
import { addEventTrigger, addPolicy, addPublication, addRule, addTrigger } from './reactions.js';
import { addFunction, addRoutine } from './routines.js';
import {
  addCollation,
  addExtension,
  addOperator,
  addPrivileges,
  addSchema,
  addTextSearch,
  annotateAll,
} from './surroundings.js';
import { addForeign, addPartition, addSequence, addTable, ownSequence } from './tables.js';
import { addComposite, addDomain, addEnum, addRange } from './types.js';
import { addView } from './views.js';
import { type SchemaPlace, World } from './world.js';

type Adder = (world: World, choices: Choices) => void;

/** What refers to what: each step makes its objects out of those of the steps before it. */
const steps: readonly (readonly [ObjectKind, Adder])[] = [
  ['schema', addSchema],
  ['extension', addExtension],
  ['collation', addCollation],
  ['function', addFunction],
  ['enum', addEnum],
  ['domain', addDomain],
  ['composite', addComposite],
  ['range', addRange],
  ['sequence', addSequence],
];

const stepsOnTables: readonly (readonly [ObjectKind, Adder])[] = [
  ['partition', addPartition],
  ['sequence', ownSequence],
  ['foreign', addForeign],
  ['constraint', addConstraint],
  ['constraint', addForeignKey],
  ['view', addView],
  ['index', addIndex],
  ['routine', addRoutine],
  ['operator', addOperator],
  ['text search', addTextSearch],
  ['trigger', addTrigger],
  ['rule', addRule],
  ['policy', addPolicy],
  ['statistics', addStatistics],
  ['publication', addPublication],
  ['event trigger', addEventTrigger],
];

/** The tables with the columns that refer to each. */
function addTables(world: World, specs: readonly ObjectSpec[]): void {
  const tables = ofKind(specs, 'table');
  const columns = new Map<number, Choices[]>(tables.map(({ id }) => [id, []]));
  for (const column of ofKind(specs, 'column')) {
    const table = column.reference('table', tables);
    if (table) columns.get(table.id)?.push(column);
  }
  for (const table of tables) addTable(world, table, columns.get(table.id) ?? []);
}

const ofKind = (specs: readonly ObjectSpec[], kind: ObjectKind): Choices[] =>
  specs.filter((spec) => spec.kind === kind).map((spec) => new Choices(spec));

/**
 * The statements that make a schema of these objects in an empty database. Every list of objects is one: those that
 * have nothing to refer to are left out or made in a simpler way.
 */
export function schemaStatements(specs: readonly ObjectSpec[], place: SchemaPlace): string[] {
  const world = new World(place);
  const take = ([kind, add]: readonly [ObjectKind, Adder]) => {
    for (const choices of ofKind(specs, kind)) add(world, choices);
  };
  steps.forEach(take);
  addTables(world, specs);
  stepsOnTables.forEach(take);
  annotateAll(world);
  take(['privileges', addPrivileges]);
  return world.statements;
}

/** How often there is an object of a kind; the others are as frequent as one. */
const weights: Partial<Record<ObjectKind, number>> = {
  schema: 2,
  function: 5,
  enum: 2,
  domain: 2,
  sequence: 2,
  table: 6,
  partition: 4,
  column: 20,
  constraint: 9,
  index: 6,
  view: 6,
  routine: 4,
  trigger: 3,
  policy: 2,
};

const kind = fc.oneof(
  ...objectKinds.map((value) => ({ weight: weights[value] ?? 1, arbitrary: fc.constant(value) })),
);

const spec = (): fc.Arbitrary<ObjectSpec> =>
  fc.record({
    kind,
    id: fc.nat({ max: 400 }),
    picks: fc.array(fc.nat({ max: 999 }), {
      minLength: 0,
      maxLength: pickCount,
      size: 'max',
    }),
  });

/** A schema of up to so many objects. */
export function randomSchema(most: number): fc.Arbitrary<ObjectSpec[]> {
  const options = { maxLength: most, size: 'max', selector: ({ id }: ObjectSpec) => id } as const;
  return fc.uniqueArray(spec(), options);
}

interface Edit {
  readonly at: number;
  readonly what: 'remove' | 'alter' | 'add';
  readonly pick: number;
  readonly value: number;
  readonly added: ObjectSpec;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  at: fc.nat({ max: 9999 }),
  what: fc.constantFrom('alter', 'alter', 'remove', 'add'),
  pick: fc.nat({ max: pickCount - 1 }),
  value: fc.nat({ max: 999 }),
  added: spec(),
});

function applyEdit(
  specs: readonly ObjectSpec[],
  { at, what, pick, value, added }: Edit,
): ObjectSpec[] {
  if (what === 'add') {
    const known = specs.some(({ id }) => id === added.id);
    return known ? [...specs] : [...specs, added];
  }
  const index = specs.length === 0 ? -1 : at % specs.length;
  if (what === 'remove') return specs.filter((_, position) => position !== index);
  return specs.map((one, position) => {
    if (position !== index) return one;
    const picks = Array.from({ length: pickCount }, (_, slot) => one.picks[slot] ?? 0);
    picks[pick] = value;
    return { ...one, picks };
  });
}

/** Two schemas: mostly the second is the first after a few edits, sometimes it has nothing to do with it. */
export interface SchemaPair {
  readonly a: readonly ObjectSpec[];
  readonly b: readonly ObjectSpec[];
}

/** A pair of schemas of up to so many objects each. */
export function randomPair(most: number): fc.Arbitrary<SchemaPair> {
  const schema = randomSchema(most);
  const edited = fc
    .tuple(schema, fc.array(edit, { minLength: 1, maxLength: 12 }))
    .map(([a, edits]) => ({ a, b: edits.reduce(applyEdit, a) }));
  const unrelated = fc.record({ a: schema, b: schema });
  return fc.oneof({ weight: 3, arbitrary: edited }, { weight: 1, arbitrary: unrelated });
}
