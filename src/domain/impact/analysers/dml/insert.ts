import { type Finding, finding } from '../../finding.js';
import { nodesAt, textAt, treeAt } from '../../world/tree.js';
import type { Tree, World } from '../../world.js';
import { conflictingRows } from './conflict.js';
import {
  changedBefore,
  type DmlTarget,
  findTarget,
  isFindings,
  rowLock,
  sentence,
  sideEffects,
} from './target.js';
import { assignedNames, changeRows } from './update.js';

const operation = 'INSERT';

export function analyseInsert(tree: Tree, world: World): readonly Finding[] {
  const found = findTarget(world, treeAt(tree, 'relation'), operation);
  if (isFindings(found)) return found;
  const conflict = treeAt(tree, 'onConflictClause');
  const overwrites = conflict?.action === 'ONCONFLICT_UPDATE';
  const findings = [
    addition(world, found),
    ...(conflict && overwrites && found.relation.live ? overwritten(world, found, tree) : []),
  ];
  world.touch(found.relation);
  return findings;
}

function addition(world: World, { relation, name, table }: DmlTarget): Finding {
  const isView = relation.kind === 'v';
  return finding({
    ...{ rule: 'insert', operation, object: name, lock: rowLock, table: table?.oid ?? null },
    safety: isView ? 'UNSAFE' : 'SAFE',
    reason: sentence(
      isView ? 'it is a view: what happens to the tables below is not known' : 'rows are added',
      sideEffects(world, relation, 'INSERT'),
    ),
    unmeasured: isView ? 'rows are added through a view' : null,
  });
}

/** ON CONFLICT DO UPDATE: rows that are there already. */
function overwritten(world: World, target: DmlTarget, tree: Tree): readonly Finding[] {
  const { relation } = target;
  const conflict = treeAt(tree, 'onConflictClause') ?? {};
  const targets = nodesAt(conflict, 'targetList');
  const facts = {
    ...{ targets, rule: 'insert-on-conflict', operation: 'INSERT ON CONFLICT' },
    after: changedBefore(world, relation, conflict, assignedNames(targets)),
  };
  const rows = conflictingRows(world, target, tree);
  if ('unmeasured' in rows) {
    const [own, ...cascades] = changeRows(world, target, {
      ...facts,
      matching: { where: undefined, from: [], withClause: undefined },
    });
    const isLost = own?.counts === 'rows-changed';
    // Not all rows of the table, as without a condition, but an unknown number of them.
    const unknown = own && { ...own, measure: null, unmeasured: isLost ? rows.unmeasured : null };
    return [
      ...(unknown ? [unknown] : []),
      ...cascades.map((one) => ({ ...one, measure: null, unmeasured: rows.unmeasured })),
    ];
  }
  return changeRows(world, target, { ...facts, matching: rows }).map((one) =>
    one.rule === 'insert-on-conflict'
      ? { ...one, reason: `in rows that are there already ${one.reason}` }
      : one,
  );
}

/** COPY … FROM: the file is the server's. */
export function analyseCopy(tree: Tree, world: World): readonly Finding[] {
  if (tree.is_from !== true) {
    const object = textAt(treeAt(tree, 'relation'), 'relname') ?? 'a query';
    const isProgram = tree.is_program === true;
    return [
      finding({
        ...{ rule: isProgram ? 'opaque-code' : 'copy', operation: 'COPY TO', object },
        safety: isProgram ? 'UNSAFE' : 'SAFE',
        reason: isProgram ? 'runs a program of the server' : 'rows are read, and written to a file',
        unmeasured: isProgram ? 'what the program does is not known' : null,
      }),
    ];
  }
  const found = findTarget(world, treeAt(tree, 'relation'), 'COPY');
  if (isFindings(found)) return found;
  world.touch(found.relation);
  return [
    finding({
      ...{ rule: 'copy', operation: 'COPY', object: found.name, safety: 'SAFE', lock: rowLock },
      table: found.table?.oid ?? null,
      reason: sentence(
        'rows are added; how many, and whether they fit, is not known',
        sideEffects(world, found.relation, 'INSERT'),
      ),
    }),
  ];
}
