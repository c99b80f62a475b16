import { type Finding, finding } from '../../finding.js';
import { contentOf, nodesAt } from '../../world/tree.js';
import type { Tree, World, WorldRelation } from '../../world.js';
import { referencesTo } from './references.js';
import { type DmlTarget, findTarget, isFindings, nameOf, sentence, sideEffects } from './target.js';

const operation = 'TRUNCATE';

interface Truncated {
  readonly target: DmlTarget;
  readonly because: string | null;
}

/** All rows of the named tables, and with CASCADE of all tables that refer to these, whatever their foreign keys say. */
export function analyseTruncate(tree: Tree, world: World): readonly Finding[] {
  const failed: Finding[] = [];
  const named: Truncated[] = [];
  for (const node of nodesAt(tree, 'relations')) {
    const found = findTarget(world, contentOf(node, 'RangeVar'), operation);
    if (isFindings(found)) failed.push(...found);
    else named.push({ target: found, because: null });
  }
  const cascade = tree.behavior === 'DROP_CASCADE';
  const all = cascade ? withReferring(world, named) : named;
  const inTheWay = cascade ? [] : referringTables(world, named);
  const restarts = tree.restart_seqs === true;
  const findings = topmost(world, all).map((one) => truncation(world, one, { inTheWay, restarts }));
  for (const { target } of all) {
    for (const one of [target.relation, ...world.descendantsOf(target.relation)]) world.touch(one);
  }
  return [...failed, ...findings];
}

/** The tables and what inherits from them, unless ONLY was written. */
function covered(world: World, list: readonly Truncated[]): Map<string, WorldRelation> {
  const relations = list.flatMap(({ target }) => {
    const isTree = target.relation.kind === 'p' || target.range.inh === true;
    return isTree ? [target.relation, ...world.descendantsOf(target.relation)] : [target.relation];
  });
  return new Map(relations.map((relation) => [relation.id, relation]));
}

function withReferring(world: World, named: readonly Truncated[]): readonly Truncated[] {
  const all = [...named];
  // The list grows while it is gone through.
  for (const one of all) {
    const inside = covered(world, all);
    for (const relation of covered(world, [one]).values()) {
      for (const { from } of referencesTo(world, relation, false)) {
        if (inside.has(from.id) || all.some(({ target }) => target.relation.id === from.id))
          continue;
        const range = { relname: from.name, schemaname: from.schema, inh: true };
        const found = findTarget(world, range, operation);
        if (!isFindings(found)) all.push({ target: found, because: nameOf(relation) });
      }
    }
  }
  return all;
}

/** Tables that refer to one of them and are not among them: then it fails, rows or not. */
function referringTables(world: World, named: readonly Truncated[]): readonly string[] {
  const inside = covered(world, named);
  const names = [...inside.values()].flatMap((relation) =>
    referencesTo(world, relation, false)
      .filter(({ from }) => !inside.has(from.id))
      .map(({ from }) => nameOf(from)),
  );
  return [...new Set(names)];
}

/** Rows of partitions are counted with those of the table that they belong to. */
function topmost(world: World, list: readonly Truncated[]): readonly Truncated[] {
  const unique = list.filter(
    (one, index) =>
      list.findIndex(({ target }) => target.relation.id === one.target.relation.id) === index,
  );
  return unique.filter(
    (one) =>
      !unique.some((other) => other !== one && covered(world, [other]).has(one.target.relation.id)),
  );
}

function truncation(
  world: World,
  { target, because }: Truncated,
  { inTheWay, restarts }: { inTheWay: readonly string[]; restarts: boolean },
): Finding {
  const { relation, name, table } = target;
  const common = { rule: 'truncate', operation, object: name, because } as const;
  const lock = 'ACCESS EXCLUSIVE';
  if (relation.kind !== 'r' && relation.kind !== 'p' && relation.kind !== 'f') {
    return finding({ ...common, safety: 'SAFE', fails: true, reason: `${name} is not a table` });
  }
  if (relation.kind === 'p' && target.range.inh !== true) {
    const reason = `${name} is partitioned: ONLY cannot truncate it`;
    return finding({ ...common, safety: 'SAFE', fails: true, reason });
  }
  const after = world.touchedBefore(relation, []);
  if (relation.live === null) {
    const reason = 'the script makes the table: its rows are the script’s own';
    return finding({ ...common, safety: 'SAFE', reason, after });
  }
  const reason = sentence(
    because === null ? 'all rows go' : `all rows go, since it refers to ${because} (CASCADE)`,
    restarts ? 'its sequences begin anew (RESTART IDENTITY)' : '',
    inTheWay.length > 0 ? `it fails, rows or not: ${inTheWay.join(', ')} refers to it` : '',
    sideEffects(world, relation, 'TRUNCATE'),
  );
  const oid = relation.live.oid;
  return finding({
    ...{ ...common, safety: 'DATA_LOSS', lock, reason, after, table: oid },
    fails: inTheWay.length > 0 ? true : null,
    measure: table && { what: 'rows', table, where: null },
    counts: 'rows-lost',
    loss: { what: 'rows', table: oid, events: ['TRUNCATE'] },
  });
}
