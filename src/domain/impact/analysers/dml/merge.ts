import { type Finding, finding } from '../../finding.js';
import { contentOf, nodesAt, textAt, treeAt } from '../../world/tree.js';
import type { Tree, World } from '../../world.js';
import { deleteCascades } from './delete-cascades.js';
import { allOf, countRows, type Matching, matchedRows, select, target } from './rows.js';
import {
  changedBefore,
  type DmlTarget,
  findTarget,
  isFindings,
  ownRows,
  rowLock,
  sentence,
  sideEffects,
} from './target.js';
import { assignedNames, changeRows } from './update.js';

const rule = 'merge';

interface Clause {
  readonly content: Tree;
  /** "CMD_UPDATE", "CMD_DELETE", "CMD_INSERT", "CMD_NOTHING". */
  readonly command: string;
  readonly matching: Matching;
}

/** Each WHEN by itself: a row gets what the first one says whose condition holds. */
export function analyseMerge(tree: Tree, world: World): readonly Finding[] {
  const found = findTarget(world, treeAt(tree, 'relation'), 'MERGE');
  if (isFindings(found)) return found;
  const after = changedBefore(world, found.relation, tree);
  if (found.relation.live === null) {
    world.touch(found.relation);
    return [ownRows(found, { rule, operation: 'MERGE', after })];
  }
  if (found.relation.kind === 'v') return [throughView(found)];
  const findings = clausesOf(tree).flatMap((clause) => describe(world, found, { clause, after }));
  world.touch(found.relation);
  return findings;
}

function throughView({ name }: DmlTarget): Finding {
  return finding({
    ...{ rule, operation: 'MERGE', object: name, safety: 'UNSAFE' },
    reason: 'it is a view: what happens to the tables below is not known before it runs',
    unmeasured: 'rows are changed through a view',
  });
}

function clausesOf(tree: Tree): readonly Clause[] {
  const source = treeAt(tree, 'sourceRelation') ?? {};
  const join = treeAt(tree, 'joinCondition');
  const withClause = treeAt(tree, 'withClause');
  const before: { kind: string; condition: Tree | undefined }[] = [];
  return nodesAt(tree, 'mergeWhenClauses').map((node) => {
    const content = contentOf(node, 'MergeWhenClause') ?? {};
    const kind = textAt(content, 'matchKind') ?? '';
    const condition = treeAt(content, 'condition');
    const earlier = before
      .filter((one) => one.kind === kind)
      .map((one) => isNotTrue(one.condition));
    before.push({ kind, condition });
    const conditions = [...(condition ? [condition] : []), ...earlier];
    const matching =
      kind === 'MERGE_WHEN_NOT_MATCHED_BY_SOURCE'
        ? { from: [], where: allOf([withoutSource(source, join), ...conditions]) }
        : { from: [source], where: allOf([...(join ? [join] : []), ...conditions]) };
    const command = textAt(content, 'commandType') ?? '';
    return { content, command, matching: { ...matching, withClause } };
  });
}

/** A WHEN without a condition takes all rows: for those after it there are none. */
function isNotTrue(condition: Tree | undefined): Tree {
  if (!condition) return { A_Const: { boolval: {} } };
  return { BooleanTest: { arg: condition, booltesttype: 'IS_NOT_TRUE' } };
}

function withoutSource(source: Tree, join: Tree | undefined): Tree {
  const one = { A_Const: { ival: { ival: 1 } } };
  const subselect = select({
    ...{ targetList: [target(one)], fromClause: [source] },
    ...(join ? { whereClause: join } : {}),
  });
  const exists = { SubLink: { subLinkType: 'EXISTS_SUBLINK', subselect } };
  return { BoolExpr: { boolop: 'NOT_EXPR', args: [exists] } };
}

function describe(
  world: World,
  found: DmlTarget,
  { clause, after }: { clause: Clause; after: readonly number[] },
): readonly Finding[] {
  const { relation, name, table } = found;
  const { command, content, matching } = clause;
  if (command === 'CMD_UPDATE') {
    const targets = nodesAt(content, 'targetList');
    const own = [...after, ...world.touchedBefore(relation, assignedNames(targets))];
    const facts = { targets, matching, rule, operation: 'MERGE UPDATE' };
    return changeRows(world, found, { ...facts, after: [...new Set(own)].sort((a, b) => a - b) });
  }
  if (command === 'CMD_DELETE') {
    const matched = matchedRows(world, found, matching);
    const own = finding({
      ...{ rule, operation: 'MERGE DELETE', object: name, safety: 'DATA_LOSS', lock: rowLock },
      ...{ after, counts: 'rows-lost', table: table?.oid ?? null },
      reason: sentence('rows are deleted', sideEffects(world, relation, 'DELETE')),
      ...('unmeasured' in matched
        ? { unmeasured: matched.unmeasured }
        : { measure: countRows(matched) }),
      loss: table && { what: 'rows', table: table.oid, events: ['DELETE'] },
    });
    return [own, ...deleteCascades(world, relation, matched)];
  }
  if (command !== 'CMD_INSERT') return [];
  return [
    finding({
      ...{ rule, operation: 'MERGE INSERT', object: name, safety: 'SAFE', lock: rowLock },
      reason: sentence('rows are added', sideEffects(world, relation, 'INSERT')),
      table: table?.oid ?? null,
    }),
  ];
}
