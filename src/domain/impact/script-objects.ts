import type { LiveConstraint } from './live-catalog.js';
import type { Measure, MeasuredTable } from './measure.js';
import { nameSql } from './sql-names.js';
import type { Tree, World, WorldRelation } from './world.js';

/** What is to be counted, or why it cannot be. */
export type Countable = Measure | { readonly unmeasured: string };

/** A constraint that the script adds: the world has only those of the live database. */
export interface ScriptConstraint {
  /** Id of its table. */
  readonly relation: string;
  readonly name: string;
  readonly kind: LiveConstraint['kind'];
  /** Columns under the names that they had then. */
  readonly columns: readonly string[];
  readonly validated: boolean;
  /** Of a check. */
  readonly expression: Tree | null;
  /** Of a foreign key: the referenced table. */
  readonly references: WorldRelation | null;
  /** Rows that break it. */
  readonly countable?: (table: MeasuredTable) => Countable;
}

/** An index that the script makes. */
export interface ScriptIndex {
  readonly id: string;
  /** Id of its table. */
  readonly relation: string;
  readonly name: string;
  readonly unique: boolean;
  readonly columns: readonly string[];
}

interface ScriptObjects {
  constraints: ScriptConstraint[];
  indexes: ScriptIndex[];
  /** Oids of live constraints that the script has validated. */
  readonly validated: Set<number>;
  /** Values that it adds to enums: label, and the statement that does. */
  readonly enumValues: { type: string; label: string; statement: number }[];
}

// Beside the world, as long as it lives: what one statement adds is needed by the next one's analyser.
const objectsOf = new WeakMap<World, ScriptObjects>();

export function scriptObjects(world: World): ScriptObjects {
  const known = objectsOf.get(world);
  if (known) return known;
  const none: ScriptObjects = {
    ...{ constraints: [], indexes: [], validated: new Set(), enumValues: [] },
  };
  objectsOf.set(world, none);
  return none;
}

export function findScriptConstraint(
  world: World,
  relation: WorldRelation,
  name: string,
): ScriptConstraint | undefined {
  return scriptObjects(world).constraints.find(
    (one) => one.relation === relation.id && one.name === name,
  );
}

export function addScriptConstraint(world: World, constraint: ScriptConstraint): void {
  scriptObjects(world).constraints.push(constraint);
}

export function removeScriptConstraint(world: World, constraint: ScriptConstraint): void {
  const objects = scriptObjects(world);
  objects.constraints = objects.constraints.filter((one) => one !== constraint);
}

/** A constraint of the script is valid from now on. */
export function validateScriptConstraint(world: World, constraint: ScriptConstraint): void {
  removeScriptConstraint(world, constraint);
  addScriptConstraint(world, { ...constraint, validated: true });
}

function isNotNullTest(expression: Tree | null, column: string): boolean {
  const test = expression?.NullTest as { nulltesttype?: string; arg?: unknown } | undefined;
  if (test?.nulltesttype !== 'IS_NOT_NULL') return false;
  const fields = JSON.stringify(test.arg);
  return fields.includes(JSON.stringify({ sval: column }));
}

/** The condition of a check as the catalog prints it. */
export function checkExpression(constraint: LiveConstraint): string | null {
  if (constraint.kind !== 'c') return null;
  if (constraint.expression) return constraint.expression;
  // "CHECK (…)", and after it NO INHERIT, NOT VALID, NOT ENFORCED.
  const { definition } = constraint;
  const close = definition.lastIndexOf(')');
  return definition.slice(definition.indexOf('(') + 1, close);
}

/**
 * A valid constraint by which a column has no NULLs: PostgreSQL (12 and later) then spares reading the table. Null: there is none.
 */
export function notNullProof(
  world: World,
  relation: WorldRelation,
  column: { readonly name: string; readonly live: { readonly name: string } | null },
): string | null {
  const objects = scriptObjects(world);
  const added = objects.constraints.find(
    (one) =>
      one.relation === relation.id && one.validated && isNotNullTest(one.expression, column.name),
  );
  if (added) return added.name;
  const { live } = column;
  if (!live) return null;
  const condition = `(${nameSql(live.name)} IS NOT NULL)`;
  const found = world
    .constraintsOf(relation)
    .find(
      (one) =>
        (one.validated || objects.validated.has(one.oid)) && checkExpression(one) === condition,
    );
  return found?.name ?? null;
}
