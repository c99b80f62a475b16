import { type Finding, finding } from '../../finding.js';
import { qualifiedSql } from '../../sql-names.js';
import { nodesAt, treeAt } from '../../world/tree.js';
import type { Tree, World } from '../../world.js';
import { deleteCascades } from './delete-cascades.js';
import { countRows, matchedRows } from './rows.js';
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
import { changeOfView } from './view.js';

const operation = 'DELETE';

export function analyseDelete(tree: Tree, world: World): readonly Finding[] {
  const found = findTarget(world, treeAt(tree, 'relation'), operation);
  if (isFindings(found)) return found;
  const where = treeAt(tree, 'whereClause');
  const from = nodesAt(tree, 'usingClause');
  const rule = where || from.length > 0 ? 'delete' : 'delete-without-where';
  const after = changedBefore(world, found.relation, [where, from]);
  const missing = from.length > 0 ? [] : missingColumns(world, found, where);
  if (missing.length > 0) {
    const reason = `there is no column ${missing.join(', ')}`;
    return refused(found, { rule, operation, reason });
  }
  if (found.relation.live === null) {
    world.touch(found.relation);
    return [ownRows(found, { rule, operation, after })];
  }
  const matching = { where, from, withClause: treeAt(tree, 'withClause') };
  if (found.relation.kind === 'v') {
    return changeOfView(world, found, {
      ...{ matching, rule, operation, event: 'DELETE', after, columns: [] },
    });
  }
  return deletion(world, found, { matching, rule, after });
}

interface Deletion {
  readonly matching: Parameters<typeof matchedRows>[2];
  readonly rule: string;
  readonly after: readonly number[];
}

function deletion(
  world: World,
  target: DmlTarget,
  { matching, rule, after }: Deletion,
): readonly Finding[] {
  const { relation, name, table } = target;
  const matched = matchedRows(world, target, matching);
  const isAll = rule === 'delete-without-where';
  const own = finding({
    ...{ rule, operation, object: name, safety: 'DATA_LOSS', lock: rowLock, after },
    reason: sentence(
      isAll ? 'all rows go: there is no WHERE' : 'rows are deleted',
      sideEffects(world, relation, 'DELETE'),
    ),
    saferWay: isAll ? inBatches(target) : null,
    ...('unmeasured' in matched
      ? { unmeasured: matched.unmeasured }
      : { measure: countRows(matched) }),
    counts: 'rows-lost',
    loss: table && { what: 'rows', table: table.oid, events: ['DELETE'] },
    table: table?.oid ?? null,
  });
  const cascades = deleteCascades(world, relation, matched);
  world.touch(relation);
  return [own, ...cascades];
}

function inBatches({ relation }: DmlTarget): string {
  const table = qualifiedSql(relation);
  return `-- in small transactions, until it deletes nothing:
DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} LIMIT 10000));`;
}
