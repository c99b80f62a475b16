import { quotedName } from '../../../quoted-sql.js';
import { type Finding, finding } from '../../finding.js';
import { addressIn } from '../../world/address.js';
import type { World, WorldRelation } from '../../world.js';
import { deleteCascades } from './delete-cascades.js';
import { countOverwritten, countRows, type Matching } from './rows.js';
import { type DmlEvent, type DmlTarget, nameOf, rulesOf } from './target.js';
import { updateCascades } from './update-cascades.js';

interface ViewChange {
  readonly matching: Matching;
  readonly rule: string;
  readonly operation: string;
  readonly event: DmlEvent & ('UPDATE' | 'DELETE');
  readonly after: readonly number[];
  /** Assigned columns, by the view's names. */
  readonly columns: readonly string[];
}

/** What refers to rows of the table below: said, but not counted. */
function followed(
  world: World,
  base: WorldRelation,
  event: ViewChange['event'],
  columns: readonly string[],
): readonly Finding[] {
  const matched = { unmeasured: 'its rows are reached through a view' };
  if (event === 'DELETE') return deleteCascades(world, base, matched);
  // A view may give its columns other names: then it may be any column.
  const own = world.columnsOf(base).filter(({ live }) => live !== null);
  const isSame = columns.every((name) => own.some((column) => column.name === name));
  const changed = isSame ? own.filter(({ name }) => columns.includes(name)) : own;
  const assigned = new Map(changed.map(({ live }) => [quotedName(live?.name ?? ''), null]));
  return updateCascades(world, base, matched, assigned);
}

/** Tables that the view itself reads: its rule depends on them, and is a part of the view. */
function tablesBelow(world: World, view: WorldRelation): readonly WorldRelation[] {
  const { dependencies } = world.catalog;
  const own = addressIn('pg_class', view.live?.oid ?? 0);
  const rules = new Set(
    dependencies.filter(({ on, type }) => on === own && type === 'i').map((one) => one.dependent),
  );
  const oids = dependencies
    .filter(({ dependent, on }) => rules.has(dependent) && on.startsWith('pg_class/'))
    .map(({ on }) => Number(on.split('/')[1]));
  return [...new Set(oids)].flatMap((oid) => {
    const found = oid === view.live?.oid ? undefined : world.relationByOid(oid);
    return found ? [found] : [];
  });
}

/**
 * A change through a view. PostgreSQL turns it into one of the table below, if the view is simple; rules and INSTEAD OF
 * triggers do what somebody has written.
 */
export function changeOfView(
  world: World,
  target: DmlTarget,
  { matching, rule, operation, event, after, columns }: ViewChange,
): readonly Finding[] {
  const { relation, name, table, alias } = target;
  const common = { rule, operation, object: name, safety: 'DATA_LOSS', after } as const;
  const hasOwnWay =
    rulesOf(world, relation).length > 0 ||
    world.triggersOf(relation).some(({ enabled }) => enabled !== 'D');
  const below = tablesBelow(world, relation);
  const [base, ...others] = below;
  if (hasOwnWay || !base || others.length > 0 || !base.live) {
    for (const one of below) world.touch(one);
    return [
      finding({
        ...common,
        safety: 'UNSAFE',
        reason: 'it is a view: what happens to the tables below is not known before it runs',
        unmeasured: hasOwnWay
          ? 'rules or triggers of the view do it'
          : 'the view reads more than one table',
      }),
    ];
  }
  const { where, from, withClause } = matching;
  const condition = where ? world.expression(where, relation, alias) : { sql: null };
  const isSimple = from.length === 0 && !withClause && 'sql' in condition && table !== null;
  const rows = isSimple && { table, condition: condition.sql, isSimple: true };
  const lost = columns.flatMap((one) => world.findColumn(relation, one)?.live?.name ?? []);
  const counted = rows
    ? { measure: event === 'DELETE' ? countRows(rows) : countOverwritten(rows, lost) }
    : { unmeasured: 'it is a change through a view with a condition over other tables' };
  world.touch(base);
  const loss =
    base.kind === 'v' ? null : ({ what: 'rows', table: base.live.oid, events: [event] } as const);
  return [
    finding({
      ...{
        ...common,
        ...counted,
        loss,
        table: base.live.oid,
        counts: event === 'DELETE' ? 'rows-lost' : 'rows-changed',
      },
      reason: `through the view, rows of ${nameOf(base)} are ${event === 'DELETE' ? 'deleted' : 'changed'}`,
    }),
    ...followed(world, base, event, columns),
  ];
}
