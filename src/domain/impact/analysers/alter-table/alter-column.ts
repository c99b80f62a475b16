import type { AlterTableCmd } from 'libpg-query';
import { quotedName } from '../../../quoted-sql.js';
import type { Finding } from '../../finding.js';
import type { WorldColumn } from '../../world.js';
import { requireValues } from './add-constraint.js';
import { primaryKeyColumns } from './add-foreign-key.js';
import { type Altered, alteration, failing, measuredFamily } from './altered.js';
import { missingColumn } from './constraint-names.js';

const strong = 'ACCESS EXCLUSIVE';

type ColumnAnalyser = (
  altered: Altered,
  column: WorldColumn,
  cmd: AlterTableCmd,
) => readonly Finding[];

const onColumn =
  (operation: string, analyse: ColumnAnalyser) =>
  (altered: Altered, cmd: AlterTableCmd): readonly Finding[] => {
    const name = cmd.name ?? '';
    const column = altered.world.findColumn(altered.relation, name);
    return column ? analyse(altered, column, cmd) : [missingColumn(altered, operation, name)];
  };

const setNotNull = onColumn('SET NOT NULL', (altered, { name }) => [
  requireValues(altered, name, { rule: 'set-not-null', operation: 'SET NOT NULL' }),
]);

const dropNotNull = onColumn('DROP NOT NULL', (altered, { name, isIdentity }) => {
  const { world, relation } = altered;
  const facts = { rule: 'drop-not-null', operation: 'DROP NOT NULL', column: name };
  if (primaryKeyColumns(world, relation).includes(name)) {
    return [failing(altered, { ...facts, reason: `${name} is part of the primary key` })];
  }
  if (isIdentity) {
    return [failing(altered, { ...facts, reason: `${name} is an identity column` })];
  }
  world.changeColumn(relation, name, { notNull: false });
  const reason = `from now on ${name} may be empty: what reads it has to expect NULL`;
  return [alteration(altered, { ...facts, lock: strong, reason })];
});

const columnDefault = onColumn('SET DEFAULT', (altered, column, { def }) => {
  const { world, relation } = altered;
  const { name } = column;
  const operation = def === undefined ? 'DROP DEFAULT' : 'SET DEFAULT';
  const facts = {
    ...{ rule: def === undefined ? 'drop-default' : 'set-default', operation, column: name },
  };
  if (column.isGenerated || column.isIdentity) {
    const kind = column.isGenerated ? 'a generated' : 'an identity';
    return [failing(altered, { ...facts, reason: `${name} is ${kind} column` })];
  }
  world.changeColumn(relation, name, { hasDefault: def !== undefined });
  const reason =
    def === undefined
      ? `new rows that don't name ${name} ${column.notNull ? 'fail from now on: it is required' : 'are empty in it from now on'}; rows that are there stay as they are`
      : 'new rows get it; rows that are there stay as they are';
  return [alteration(altered, { ...facts, lock: strong, reason })];
});

const addIdentity = onColumn('ADD IDENTITY', (altered, column) => {
  const { name } = column;
  const facts = { rule: 'add-identity', operation: 'ADD IDENTITY', column: name };
  if (column.isIdentity || column.hasDefault || !column.notNull) {
    const why = column.isIdentity
      ? 'is an identity column already'
      : column.hasDefault
        ? 'has a default: drop it first'
        : 'may be empty: SET NOT NULL first';
    return [failing(altered, { ...facts, reason: `${name} ${why}` })];
  }
  altered.world.changeColumn(altered.relation, name, { isIdentity: true, hasDefault: true });
  const reason =
    'new rows get numbers from 1 on, whatever numbers are there: set the sequence behind the greatest one (setval) in the same transaction';
  return [alteration(altered, { ...facts, lock: strong, reason })];
});

const setIdentity = onColumn('SET IDENTITY', (altered, column) => {
  const facts = { rule: 'set-identity', operation: 'SET IDENTITY', column: column.name };
  if (!column.isIdentity) {
    return [failing(altered, { ...facts, reason: `${column.name} is no identity column` })];
  }
  const reason = 'how new rows get their numbers changes; a RESTART may give numbers out again';
  return [alteration(altered, { ...facts, lock: strong, reason })];
});

const dropIdentity = onColumn('DROP IDENTITY', (altered, column, cmd) => {
  const facts = { rule: 'drop-identity', operation: 'DROP IDENTITY', column: column.name };
  if (!column.isIdentity) {
    const reason = `${column.name} is no identity column`;
    if (!cmd.missing_ok) return [failing(altered, { ...facts, reason })];
    return [alteration(altered, { ...facts, rule: 'nothing-to-do', lock: strong, reason })];
  }
  altered.world.changeColumn(altered.relation, column.name, {
    ...{ isIdentity: false, hasDefault: false },
  });
  const reason =
    'its sequence goes with its value, and new rows that name no number fail; rows that are there stay as they are';
  return [alteration(altered, { ...facts, safety: 'DATA_LOSS', lock: strong, reason })];
});

const dropExpression = onColumn('DROP EXPRESSION', (altered, column, cmd) => {
  const facts = { rule: 'drop-expression', operation: 'DROP EXPRESSION', column: column.name };
  if (!column.isGenerated) {
    const reason = `${column.name} is no generated column`;
    if (!cmd.missing_ok) return [failing(altered, { ...facts, reason })];
    return [alteration(altered, { ...facts, rule: 'nothing-to-do', lock: strong, reason })];
  }
  if (isVirtual(altered, column)) {
    const reason = `${column.name} is virtual: it has no values that could stay`;
    return [failing(altered, { ...facts, reason })];
  }
  altered.world.changeColumn(altered.relation, column.name, { isGenerated: false });
  const reason = 'its values stay, and nothing computes them from now on';
  return [alteration(altered, { ...facts, lock: strong, reason })];
});

function isVirtual({ world, relation }: Altered, { live }: WorldColumn): boolean {
  return world.catalog.columns.some(
    (one) =>
      one.relation === relation.live?.oid && one.number === live?.number && one.generated === 'v',
  );
}

const setExpression = onColumn('SET EXPRESSION', (altered, column) => {
  const { world, relation } = altered;
  const facts = { rule: 'set-expression', operation: 'SET EXPRESSION', column: column.name };
  const failure = !column.isGenerated
    ? `${column.name} is no generated column`
    : world.catalog.serverVersion < 170000
      ? 'PostgreSQL has this from version 17 on'
      : null;
  if (failure !== null) return [failing(altered, { ...facts, reason: failure })];
  world.touch(relation, [column.name]);
  const virtual = isVirtual(altered, column);
  const table = measuredFamily(altered);
  const { live } = column;
  // What was computed can be computed again, by the old expression.
  return [
    alteration(altered, {
      ...{ ...facts, lock: strong, rewrite: !virtual },
      reason: virtual
        ? 'its values are computed by the new expression when they are read'
        : 'its values are computed anew: every row is written',
      ...(table && live && !virtual
        ? {
            measure: { what: 'values', table, column: quotedName(live.name), where: null },
            counts: 'rows-touched',
          }
        : {}),
    }),
  ];
});

/** Settings that change nothing in the rows that are there. */
function setting(
  operation: string,
  reason: string,
  lock: typeof strong | 'SHARE UPDATE EXCLUSIVE',
) {
  return onColumn(operation, (altered, { name }) => [
    alteration(altered, { rule: 'column-setting', operation, column: name, lock, reason }),
  ]);
}

const planner = 'what the planner knows of it changes with the next ANALYZE';

/** ALTER COLUMN, but for TYPE. */
export const alterColumn = {
  AT_SetNotNull: setNotNull,
  AT_DropNotNull: dropNotNull,
  AT_ColumnDefault: columnDefault,
  AT_AddIdentity: addIdentity,
  AT_SetIdentity: setIdentity,
  AT_DropIdentity: dropIdentity,
  AT_DropExpression: dropExpression,
  AT_SetExpression: setExpression,
  AT_SetStatistics: setting('SET STATISTICS', planner, 'SHARE UPDATE EXCLUSIVE'),
  AT_SetOptions: setting('SET COLUMN OPTIONS', planner, 'SHARE UPDATE EXCLUSIVE'),
  AT_ResetOptions: setting('RESET COLUMN OPTIONS', planner, 'SHARE UPDATE EXCLUSIVE'),
  AT_SetStorage: setting('SET STORAGE', 'new and changed values are stored otherwise', strong),
  AT_SetCompression: setting(
    'SET COMPRESSION',
    'new and changed values are compressed otherwise',
    strong,
  ),
  AT_AlterColumnGenericOptions: setting(
    'ALTER COLUMN OPTIONS',
    'options of the foreign table change; its rows lie elsewhere',
    strong,
  ),
};
