import type { Constraint } from 'libpg-query';
import type { Finding } from '../../finding.js';
import { columnsUsed, hasSubquery, textsOf } from '../../grammar.js';
import type { MeasuredTable } from '../../measure.js';
import { notNullInSteps, notValidFirst } from '../../safer-way.js';
import { type Countable, notNullProof } from '../../script-objects.js';
import type { Tree } from '../../world.js';
import { addForeignKey } from './add-foreign-key.js';
import { addExclusion, addKey } from './add-key.js';
import {
  type Altered,
  alteration,
  countFailures,
  failing,
  liveColumn,
  withoutInheritors,
} from './altered.js';
import { constraintName, missingColumn, nameTaken, remember } from './constraint-names.js';

/**
 * ADD CONSTRAINT, or a constraint that stands in ADD COLUMN.
 * @param inline the column in whose definition it stands
 */
export function addConstraint(
  altered: Altered,
  constraint: Constraint,
  inline?: string,
): readonly Finding[] {
  switch (constraint.contype) {
    case 'CONSTR_CHECK':
      return [addCheck(altered, constraint)];
    case 'CONSTR_NOTNULL':
      return [addNotNull(altered, constraint)];
    case 'CONSTR_UNIQUE':
    case 'CONSTR_PRIMARY':
      return addKey(withoutInheritors(altered), constraint, inline);
    case 'CONSTR_EXCLUSION':
      return [addExclusion(withoutInheritors(altered), constraint)];
    case 'CONSTR_FOREIGN':
      return addForeignKey(withoutInheritors(altered), constraint, inline);
    default:
      return [];
  }
}

const checkOperation = 'ADD CHECK';

function addCheck(altered: Altered, constraint: Constraint): Finding {
  const { world, relation } = altered;
  const node = constraint.raw_expr as unknown as Tree;
  const columns = columnsUsed(node);
  const { name, taken } = constraintName(altered, constraint, columns.slice(0, 1), 'check');
  if (taken) return nameTaken(altered, checkOperation, name);
  const unknownColumn = columns.find((column) => !world.findColumn(relation, column));
  if (unknownColumn !== undefined && !relation.isNew) {
    return missingColumn(altered, checkOperation, unknownColumn);
  }
  if (hasSubquery(node)) {
    const reason = 'a check cannot have a subquery';
    return failing(altered, { rule: 'add-check', operation: checkOperation, reason });
  }
  const enforced = constraint.is_enforced === true;
  const validated = enforced && constraint.skip_validation !== true;
  const own = constraint.is_no_inherit ? { ...altered, family: [relation] } : altered;
  const breaks = (table: MeasuredTable): Countable => {
    const expression = world.expression(node, relation);
    if ('unmeasured' in expression) return expression;
    return { what: 'violations', table, breaks: `NOT (${expression.sql})` };
  };
  remember(altered, { name, kind: 'c', columns, validated, expression: node, countable: breaks });
  const facts = { rule: 'add-check', operation: checkOperation, lock: 'ACCESS EXCLUSIVE' } as const;
  if (!validated) {
    const reason = enforced
      ? `${name} is checked for new and changed rows only, until it is validated`
      : `${name} is not enforced: nothing checks it`;
    return alteration(altered, { ...facts, reason });
  }
  const expression = world.expression(node, relation);
  const condition = 'sql' in expression ? expression.sql : '…';
  return alteration(own, {
    ...{ ...facts, scan: true },
    reason: `every row is checked against ${name}`,
    ...countFailures(own, columns, breaks),
    saferWay: notValidFirst(relation, name, `CHECK (${condition})`),
  });
}

/** A NOT NULL with a name (18). */
function addNotNull(altered: Altered, constraint: Constraint): Finding {
  const [column = ''] = textsOf(constraint.keys);
  const { name, taken } = constraintName(altered, constraint, [column], 'not_null');
  const operation = 'ADD NOT NULL';
  if (taken) return nameTaken(altered, operation, name);
  const validated = constraint.skip_validation !== true;
  remember(altered, { name, kind: 'n', columns: [column], validated });
  if (validated) return requireValues(altered, column, { rule: 'add-not-null', operation });
  return alteration(altered, {
    ...{ rule: 'add-not-null', operation, column, lock: 'ACCESS EXCLUSIVE' },
    reason: `${name} is checked for new and changed rows only, until it is validated`,
  });
}

/** SET NOT NULL under each of its names: rows without a value make it fail. */
export function requireValues(
  altered: Altered,
  column: string,
  { rule, operation }: { readonly rule: string; readonly operation: string },
): Finding {
  const { world, relation } = altered;
  const found = world.findColumn(relation, column);
  if (!found) return missingColumn(altered, operation, column);
  const facts = { rule, operation, column, lock: 'ACCESS EXCLUSIVE' } as const;
  if (found.notNull) {
    return alteration(altered, { ...facts, reason: `${column} is required already` });
  }
  const proof = notNullProof(world, relation, found);
  world.changeColumn(relation, column, { notNull: true });
  if (proof !== null) {
    return alteration(altered, {
      ...{ ...facts, fails: false },
      reason: `the valid constraint ${proof} says that no row is without a value: no row is read`,
    });
  }
  return alteration(altered, {
    ...{ ...facts, scan: true },
    reason: `every row is read to see whether it has a value in ${column}`,
    ...countFailures(altered, [column], (table) => {
      const live = liveColumn(found);
      if ('sql' in live) return { what: 'violations', table, breaks: `${live.sql} IS NULL` };
      // A column that the script has made and not filled since is empty in all rows.
      const isEmpty = found.touchedBy.length === 0 && !found.hasDefault && !found.isGenerated;
      return isEmpty ? { what: 'rows', table, where: null } : live;
    }),
    saferWay: notNullInSteps(relation, column, world.catalog.serverVersion),
  });
}
