import type { Constraint } from 'libpg-query';
import type { Finding } from '../../finding.js';
import {
  addScriptConstraint,
  findScriptConstraint,
  type ScriptConstraint,
} from '../../script-objects.js';
import { inventedName } from '../../sql-names.js';
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
    Partial<Pick<ScriptConstraint, 'references' | 'expression' | 'countable'>>,
): void {
  addScriptConstraint(altered.world, {
    ...{ references: null, expression: null, ...constraint },
    relation: altered.relation.id,
  });
}

export function missingColumn(altered: Altered, operation: string, column: string): Finding {
  return failing(altered, {
    ...{ rule: 'object-missing', operation, column },
    reason: `${altered.object} has no column ${column}`,
  });
}
