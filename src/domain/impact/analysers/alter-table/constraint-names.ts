import type { Constraint } from 'libpg-query';
import type { Finding } from '../../finding.js';
import {
  addScriptConstraint,
  findScriptConstraint,
  type ScriptConstraint,
} from '../../script-objects.js';
import { inventedName } from '../../sql-names.js';
import type { WorldRelation } from '../../world.js';
import { type Altered, failing } from './altered.js';

/** What a constraint is about to be called, and whether that name is taken. */
export interface NamedConstraint {
  readonly name: string;
  readonly taken: boolean;
}

export function constraintName(
  { world, relation }: Altered,
  { conname }: Constraint,
  columns: readonly string[],
  end: string,
): NamedConstraint {
  const name = conname ?? inventedName(relation.name, columns, end);
  const taken =
    conname !== undefined &&
    (findScriptConstraint(world, relation, name) !== undefined ||
      world.constraintsOf(relation).some((one) => one.name === name));
  return { name, taken };
}

/** The constraint's name is taken: whatever the rows. */
export function nameTaken(altered: Altered, operation: string, name: string): Finding {
  return failing(altered, {
    ...{ rule: 'object-exists', operation },
    reason: `${altered.object} has a constraint ${name} already`,
  });
}

export function remember(
  altered: Altered,
  constraint: Omit<ScriptConstraint, 'relation' | 'references' | 'expression'> &
    Partial<Pick<ScriptConstraint, 'references' | 'expression' | 'countable'>> & {
      readonly referencedColumns?: readonly string[];
    },
): void {
  const { world, relation } = altered;
  const { name, kind, columns, references = null, expression = null } = constraint;
  addScriptConstraint(world, {
    ...{ ...constraint, references, expression, relation: relation.id },
  });
  const idsOf = (of: WorldRelation, names: readonly string[]) =>
    names.flatMap((column) => world.findColumn(of, column)?.id ?? []);
  const partOf = idsOf(relation, columns);
  // It goes with its own columns, and is in the way of those that it refers to.
  const isOther = references !== null && references.id !== relation.id;
  const dependsOn = isOther
    ? [references.id, ...idsOf(references, constraint.referencedColumns ?? [])]
    : [];
  world.addObject({ kind: 'constraint', name, relation, partOf, dependsOn });
  if (kind === 'p' || kind === 'u' || kind === 'x') {
    world.addObject({ kind: 'index', name, schema: relation.schema, relation, partOf });
  }
}

export function missingColumn(altered: Altered, operation: string, column: string): Finding {
  return failing(altered, {
    ...{ rule: 'object-missing', operation, column },
    reason: `${altered.object} has no column ${column}`,
  });
}
