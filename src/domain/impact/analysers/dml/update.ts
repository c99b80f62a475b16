import { quotedName } from '../../../quoted-sql.js';
import { type Finding, finding } from '../../finding.js';
import { contentOf, nodesAt, textAt, treeAt } from '../../world/tree.js';
import type { Tree, World, WorldColumn } from '../../world.js';
import { countOverwritten, countRows, type Matching, matchedRows } from './rows.js';
import {
  changedBefore,
  type DmlTarget,
  findTarget,
  isFindings,
  missingColumns,
  ownRows,
  refused,
  rowLock,
  sentence,
  sideEffects,
} from './target.js';
import { type Assigned, updateCascades } from './update-cascades.js';
import { changeOfView } from './view.js';

const operation = 'UPDATE';

/** Columns that a SET assigns, by their present names. */
export function assignedNames(targets: readonly Tree[]): readonly string[] {
  const names = targets.map((node) => textAt(contentOf(node, 'ResTarget'), 'name') ?? '');
  return [...new Set(names)];
}

export function analyseUpdate(tree: Tree, world: World): readonly Finding[] {
  const found = findTarget(world, treeAt(tree, 'relation'), operation);
  if (isFindings(found)) return found;
  const where = treeAt(tree, 'whereClause');
  const from = nodesAt(tree, 'fromClause');
  const targets = nodesAt(tree, 'targetList');
  const names = assignedNames(targets);
  const rule = where || from.length > 0 ? 'update' : 'update-without-where';
  const after = changedBefore(world, found.relation, [where, from], names);
  if (found.relation.live === null) {
    world.touch(found.relation, names);
    return [ownRows(found, { rule, operation, after })];
  }
  const matching = { where, from, withClause: treeAt(tree, 'withClause') };
  if (found.relation.kind === 'v') {
    return changeOfView(world, found, {
      ...{ matching, rule, operation, event: 'UPDATE', after, columns: names },
    });
  }
  const reason = whyRefused(world, found, tree);
  if (reason !== undefined) return refused(found, { rule, operation, reason });
  return changeRows(world, found, { targets, matching, rule, operation, after });
}

/** Why PostgreSQL does not run it, whatever the rows; undefined: it does. */
function whyRefused(world: World, target: DmlTarget, tree: Tree): string | undefined {
  const { relation } = target;
  const targets = nodesAt(tree, 'targetList');
  const assigned = assignedNames(targets).filter((name) => !world.findColumn(relation, name));
  const isAlone = nodesAt(tree, 'fromClause').length === 0;
  const used = isAlone ? missingColumns(world, target, [tree.whereClause, targets]) : [];
  const missing = [...new Set([...assigned, ...used])];
  if (missing.length > 0) return `there is no column ${missing.join(', ')}`;
  const computed = targets.flatMap((node) => {
    const content = contentOf(node, 'ResTarget');
    const name = textAt(content, 'name') ?? '';
    const isDefault = 'SetToDefault' in (treeAt(content, 'val') ?? {});
    return !isDefault && isComputed(world, target, name) ? [name] : [];
  });
  return computed.length > 0
    ? `${computed.join(', ')} can only be set to its default: its values are generated`
    : undefined;
}

function isComputed(world: World, { relation }: DmlTarget, name: string): boolean {
  const column = world.findColumn(relation, name);
  if (column?.isGenerated) return true;
  const { live } = column ?? {};
  return (
    column?.isIdentity === true &&
    world.catalog.columns.some(
      (one) =>
        one.relation === relation.live?.oid && one.number === live?.number && one.identity === 'a',
    )
  );
}

/** Rows of an existing table that get other values in some columns. */
export interface RowChange {
  readonly targets: readonly Tree[];
  readonly matching: Matching;
  readonly rule: string;
  readonly operation: string;
  readonly after: readonly number[];
}

export function changeRows(
  world: World,
  target: DmlTarget,
  { targets, matching, rule, operation: said, after }: RowChange,
): readonly Finding[] {
  const { relation, name, table } = target;
  const columns = assignedNames(targets).flatMap((one) => world.findColumn(relation, one) ?? []);
  const lost = liveNames(columns);
  const matched = matchedRows(world, target, matching);
  const isAll = rule.endsWith('-without-where');
  const own = finding({
    ...{ rule, operation: said, object: name, lock: rowLock, after },
    ...{ table: table?.oid ?? null, ...describeChange(columns, isAll) },
    ...('unmeasured' in matched
      ? { unmeasured: matched.unmeasured }
      : { measure: lost.length > 0 ? countOverwritten(matched, lost) : countRows(matched) }),
    counts: lost.length > 0 ? 'rows-changed' : 'rows-touched',
    loss: table && lost.length > 0 ? { what: 'rows', table: table.oid, events: ['UPDATE'] } : null,
  });
  const reason = sentence(own.reason, sideEffects(world, relation, 'UPDATE'));
  const assigned = newValues(world, target, targets);
  const cascades = updateCascades(world, relation, matched, assigned);
  world.touch(relation, assignedNames(targets));
  return [{ ...own, reason }, ...cascades];
}

const liveNames = (columns: readonly WorldColumn[]): readonly string[] =>
  columns.flatMap(({ live }) => live?.name ?? []);

function describeChange(columns: readonly WorldColumn[], isAll: boolean) {
  const names = columns.map(({ name }) => name).join(', ');
  if (columns.every(({ live }) => live === null)) {
    return { safety: 'SAFE', reason: `fills ${names}, which the script makes` } as const;
  }
  const reason = isAll
    ? `${names} of all rows is overwritten: there is no WHERE`
    : `${names} is overwritten`;
  return { safety: 'DATA_LOSS', reason } as const;
}

/** New values as SQL, of columns that the live database has. */
function newValues(
  world: World,
  { relation, alias }: DmlTarget,
  targets: readonly Tree[],
): Assigned {
  return new Map(
    targets.flatMap((node) => {
      const content = contentOf(node, 'ResTarget');
      const live = world.findColumn(relation, textAt(content, 'name') ?? '')?.live;
      if (!live) return [];
      const value = treeAt(content, 'val');
      const isPlain = value && !('MultiAssignRef' in value) && !('SetToDefault' in value);
      const sql = isPlain ? world.expression(value, relation, alias) : undefined;
      return [[quotedName(live.name), sql && 'sql' in sql ? sql.sql : null] as const];
    }),
  );
}
