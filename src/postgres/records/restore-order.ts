import type { DataViolation } from '../../domain/data-rollback.js';
import type { RollbackStatement } from '../../domain/rollback.js';
import { type Statement, splitStatements } from '../parse-sql.js';

/** Statements of a step in the order in which records are put back between them. */
export interface OrderedStatements {
  readonly statements: readonly RollbackStatement[];
  /** Index of the first statement that comes after the records. */
  readonly dataAt: number;
}

type Node = Readonly<Record<string, unknown>>;

/** One action of ALTER TABLE. */
interface Action {
  readonly subtype: string;
  readonly name?: string;
  readonly def?: { readonly ColumnDef?: ColumnDef; readonly Constraint?: Constraint };
}

interface ColumnDef {
  readonly colname?: string;
  readonly typeName?: { readonly names?: readonly { readonly String?: { sval?: string } }[] };
  readonly constraints?: readonly { readonly Constraint: Constraint }[];
}

interface Constraint extends Node {
  readonly contype: string;
  readonly conname?: string;
}

/** They ask something of the rows, or are of no use before there are any. */
const lateActions = new Set([
  ...['AT_SetNotNull', 'AT_AddConstraint', 'AT_ValidateConstraint'],
  ...['AT_ReplicaIdentity', 'AT_ClusterOn'],
]);

/** Kinds that records need nothing of. They may need what a statement before them makes, which comes late: so they do too. */
const lateKinds = new Set([
  ...['ViewStmt', 'CreateTableAsStmt', 'RefreshMatViewStmt', 'IndexStmt', 'CommentStmt'],
  ...[
    'GrantStmt',
    'AlterOwnerStmt',
    'CreateTrigStmt',
    'RuleStmt',
    'CreatePolicyStmt',
    'AlterPolicyStmt',
  ],
  ...['ClusterStmt', 'CreateStatsStmt', 'CreatePublicationStmt', 'AlterPublicationStmt'],
  ...['SecLabelStmt', 'AlterDefaultPrivilegesStmt'],
]);

/** What is late whatever was before it: it looks at rows. */
function isLateByItself({ kind, tree }: Statement): boolean {
  if (kind === 'IndexStmt') return tree.concurrent !== true;
  if (kind === 'RefreshMatViewStmt') return true;
  return kind === 'CreateTableAsStmt' && tree.objtype === 'OBJECT_MATVIEW';
}

/** A statement split into what comes before the records and what comes after them. */
interface Parts {
  readonly early: readonly string[];
  readonly late: readonly string[];
}

/**
 * Moves what asks something of the rows (constraints, NOT NULL, unique indexes) behind the records: before these are back, rows
 * have no values for it. Read by PostgreSQL's own grammar; statements that have nothing of it keep their text.
 * @param left constraints that rows written since break: CHECK and foreign keys are not validated, the others are left out
 * @returns null where nothing has to be moved
 */
export async function orderStatements(
  statements: readonly RollbackStatement[],
  left: readonly DataViolation[],
): Promise<OrderedStatements | null> {
  const early: RollbackStatement[] = [];
  const late: RollbackStatement[] = [];
  const { deparse } = await import('pgsql-deparser');
  const print = (node: Node) => deparse(node as never);
  for (const statement of statements) {
    const parsed = statement.transactional ? await splitStatements(statement.sql) : [];
    const [only] = parsed;
    if (!only || parsed.length !== 1) {
      early.push(statement);
      continue;
    }
    const parts = await partsOf(only, late.length > 0, { print, left });
    early.push(...parts.early.map((sql) => ({ ...statement, sql })));
    late.push(...parts.late.map((sql) => ({ ...statement, sql, breaksBefore: false })));
  }
  return late.length === 0 ? null : { statements: [...early, ...late], dataAt: early.length };
}

interface Splitting {
  readonly print: (node: Node) => Promise<string>;
  readonly left: readonly DataViolation[];
}

async function partsOf(
  statement: Statement,
  isAfterLate: boolean,
  splitting: Splitting,
): Promise<Parts> {
  const { kind, tree, sql } = statement;
  if (kind === 'AlterTableStmt' && tree.objtype === 'OBJECT_TABLE') {
    return splitAlterTable(statement, splitting);
  }
  const isUnique = kind === 'IndexStmt' && tree.unique === true;
  if (isUnique && isLeft(splitting.left, tree, 'unique', String(tree.idxname ?? ''))) {
    return { early: [], late: [] };
  }
  const isOther = kind === 'AlterTableStmt' || lateKinds.has(kind);
  const isLate = isLateByItself(statement) || (isAfterLate && isOther && tree.concurrent !== true);
  return isLate ? { early: [], late: [sql] } : { early: [sql], late: [] };
}

async function splitAlterTable({ tree, sql }: Statement, splitting: Splitting): Promise<Parts> {
  const actions = ((tree.cmds ?? []) as readonly { AlterTableCmd: Action }[]).map(
    (one) => one.AlterTableCmd,
  );
  const early: Action[] = [];
  const late: Action[] = [];
  for (const action of actions) {
    if (lateActions.has(action.subtype)) late.push(action);
    else if (action.subtype === 'AT_AddColumn') {
      const split = splitColumn(action);
      early.push(split.column);
      late.push(...split.late);
    } else early.push(action);
  }
  const wanted = late.flatMap((action) => relaxed(action, tree, splitting.left));
  const isSame = (list: readonly Action[]) =>
    list.length === actions.length && list.every((action, index) => action === actions[index]);
  const write = async (list: readonly Action[]) => {
    if (list.length === 0) return [];
    if (isSame(list)) return [sql];
    const cmds = list.map((one) => ({ AlterTableCmd: one }));
    return [await splitting.print({ AlterTableStmt: { ...tree, cmds } })];
  };
  return { early: await write(early), late: await write(wanted) };
}

const serials = new Set([
  ...['serial', 'bigserial', 'smallserial', 'serial2', 'serial4', 'serial8'],
]);

/** Constraints that fill the column, so that it needs no records. */
const filling = new Set(['CONSTR_DEFAULT', 'CONSTR_IDENTITY', 'CONSTR_GENERATED']);

const key = (name: string) => ({ String: { sval: name } });

/** ADD COLUMN without what it asks of rows, and that as actions of their own. */
function splitColumn(action: Action): { column: Action; late: Action[] } {
  const column = action.def?.ColumnDef;
  const constraints = (column?.constraints ?? []).map((one) => one.Constraint);
  const name = column?.colname ?? '';
  const type = column?.typeName?.names?.at(-1)?.String?.sval ?? '';
  const isFilled = serials.has(type) || constraints.some(({ contype }) => filling.has(contype));
  // What says more of the constraint before it cannot be told apart from it here.
  const isPlain = constraints.every(({ contype }) => !contype.startsWith('CONSTR_ATTR'));
  if (!column || isFilled || !isPlain) return { column: action, late: [] };
  const late: Action[] = [];
  const kept = constraints.filter((constraint) => {
    const moved = asAction(constraint, name);
    if (moved) late.push(moved);
    return !moved;
  });
  if (late.length === 0) return { column: action, late };
  const bare = { ...column, constraints: kept.map((one) => ({ Constraint: one })) };
  return { column: { ...action, def: { ColumnDef: bare } }, late };
}

/** A constraint of a column as an action on its table; null: it may stay. */
function asAction(constraint: Constraint, column: string): Action | null {
  const add = (more: Node): Action => ({
    subtype: 'AT_AddConstraint',
    def: { Constraint: { ...constraint, ...more } },
    ...{ behavior: 'DROP_RESTRICT' },
  });
  switch (constraint.contype) {
    case 'CONSTR_NOTNULL':
      return constraint.conname === undefined
        ? { subtype: 'AT_SetNotNull', name: column, ...{ behavior: 'DROP_RESTRICT' } }
        : add({ keys: [key(column)] });
    case 'CONSTR_UNIQUE':
    case 'CONSTR_PRIMARY':
      return add({ keys: [key(column)] });
    case 'CONSTR_FOREIGN':
      return add({ fk_attrs: [key(column)] });
    case 'CONSTR_CHECK':
      return add({});
    default:
      return null;
  }
}

const kinds: Readonly<Record<string, DataViolation['kind']>> = {
  CONSTR_CHECK: 'check',
  CONSTR_FOREIGN: 'foreign key',
  CONSTR_UNIQUE: 'unique',
  CONSTR_PRIMARY: 'unique',
  CONSTR_NOTNULL: 'not null',
};

/** An action as it can be done although rows break it; nothing where it cannot. */
function relaxed(action: Action, tree: Node, left: readonly DataViolation[]): Action[] {
  if (action.subtype === 'AT_SetNotNull') {
    return isLeft(left, tree, 'not null', action.name ?? '') ? [] : [action];
  }
  const constraint = action.def?.Constraint;
  const kind = constraint && kinds[constraint.contype];
  if (!constraint || !kind || !isLeft(left, tree, kind, constraint.conname ?? '')) return [action];
  if (kind === 'unique' || kind === 'not null') return [];
  const unchecked = { ...constraint, skip_validation: true, initially_valid: false };
  return [{ ...action, def: { Constraint: unchecked } }];
}

/** Whether rows break it. One without a name is any of its kind: PostgreSQL names it only when it is made. */
function isLeft(
  left: readonly DataViolation[],
  tree: Node,
  kind: DataViolation['kind'],
  name: string,
): boolean {
  const { relname } = (tree.relation ?? {}) as { readonly relname?: string };
  return left.some(
    (violation) =>
      violation.kind === kind &&
      (name === '' || violation.constraint === name) &&
      violation.table.endsWith(`.${relname}`),
  );
}
