import type { AlterTableCmd, ATAlterConstraint } from 'libpg-query';
import { quotedName } from '../../../quoted-sql.js';
import type { Finding } from '../../finding.js';
import { contentOf } from '../../grammar.js';
import type { LiveConstraint } from '../../live-catalog.js';
import type { MeasuredTable } from '../../measure.js';
import {
  type Countable,
  checkExpression,
  findScriptConstraint,
  removeScriptConstraint,
  type ScriptConstraint,
  scriptObjects,
  validateScriptConstraint,
} from '../../script-objects.js';
import type { Dropped, World, WorldRelation } from '../../world.js';
import { requireValues } from './add-constraint.js';
import { columnsByNumber } from './add-foreign-key.js';
import {
  type Altered,
  alteration,
  alteredOf,
  countFailures,
  failing,
  nothingToDo,
} from './altered.js';

const strong = 'ACCESS EXCLUSIVE';

function findLive({ world, relation }: Altered, name: string): LiveConstraint | undefined {
  return world.constraintsOf(relation).find((one) => one.name === name);
}

function missingConstraint(altered: Altered, operation: string, cmd: AlterTableCmd): Finding {
  const reason = `${altered.object} has no constraint ${cmd.name}`;
  if (cmd.missing_ok) return nothingToDo(altered, operation, reason);
  return failing(altered, { rule: 'object-missing', operation, reason });
}

/** Rows that break a constraint of the live database, by its definition there. */
function violationsOf(world: World, constraint: LiveConstraint, table: MeasuredTable): Countable {
  const check = checkExpression(constraint);
  if (check !== null) return { what: 'violations', table, breaks: `NOT (${check})` };
  const own = liveNames(world, constraint.relation, constraint.columns);
  if (constraint.kind === 'n') {
    return { what: 'violations', table, breaks: own.map((one) => `${one} IS NULL`).join(' OR ') };
  }
  const referenced = world.relationByOid(constraint.referenced);
  const references = referenced && world.measured(referenced);
  if (constraint.kind !== 'f' || !references) {
    return { unmeasured: `${constraint.name} is not known well enough` };
  }
  return {
    ...{ what: 'orphans', table, columns: own },
    references: {
      table: references,
      columns: liveNames(world, constraint.referenced, constraint.referencedColumns),
    },
    match:
      (constraint.matchFull ?? constraint.definition.includes(') MATCH FULL')) ? 'full' : 'simple',
  };
}

/** Names in the live database, whatever the script has renamed since. */
function liveNames(world: World, oid: number, numbers: readonly number[]): string[] {
  const columns = world.catalog.columns.filter(({ relation }) => relation === oid);
  return numbers.flatMap((number) =>
    columns.filter((one) => one.number === number).map(({ name }) => quotedName(name)),
  );
}

/** Of CREATE TABLE in the same script, where it is valid from the beginning; or not there. */
function notLive(
  altered: Altered,
  facts: { rule: string; operation: string; lock: 'SHARE UPDATE EXCLUSIVE' },
  cmd: AlterTableCmd,
): Finding {
  const name = cmd.name ?? '';
  const made = altered.world.findObject('constraint', { name }, altered.relation);
  return made
    ? alteration(altered, { ...facts, reason: `${name} is valid already: no row is read` })
    : missingConstraint(altered, facts.operation, cmd);
}

/** VALIDATE CONSTRAINT: reads every row, and lets writers go on meanwhile. */
export function validateConstraint(altered: Altered, cmd: AlterTableCmd): readonly Finding[] {
  const { world, relation } = altered;
  const name = cmd.name ?? '';
  const operation = 'VALIDATE CONSTRAINT';
  const facts = { rule: 'validate-constraint', operation, lock: 'SHARE UPDATE EXCLUSIVE' } as const;
  const added = findScriptConstraint(world, relation, name);
  if (added) {
    validateScriptConstraint(world, added);
    return added.validated
      ? [alteration(altered, { ...facts, reason: `${name} is valid already: no row is read` })]
      : [validateAdded(altered, added, facts)];
  }
  const live = findLive(altered, name);
  if (!live) return [notLive(altered, facts, cmd)];
  const { validated } = scriptObjects(world);
  if (live.validated || validated.has(live.oid)) {
    return [alteration(altered, { ...facts, reason: `${name} is valid already: no row is read` })];
  }
  validated.add(live.oid);
  const columns = columnsByNumber(world, relation, live.columns).map((one) => one.name);
  const own = live.kind === 'f' ? { ...altered, family: [relation] } : altered;
  const counted = countFailures(own, columns.length > 0 ? columns : undefined, (table) =>
    violationsOf(world, live, table),
  );
  return [
    alteration(own, {
      ...{ ...facts, ...counted, scan: true },
      reason: `every row is checked against ${name}; reads and writes go on meanwhile`,
    }),
  ];
}

/** What the script has added NOT VALID before: its rows are counted here for the first time. */
function validateAdded(
  altered: Altered,
  added: ScriptConstraint,
  facts: { rule: string; operation: string; lock: 'SHARE UPDATE EXCLUSIVE' },
): Finding {
  const { countable, columns, kind, name } = added;
  const reason = `every row is checked against ${name}; reads and writes go on meanwhile`;
  if (kind === 'n') {
    const found = requireValues(altered, columns[0] ?? '', facts);
    return { ...found, ...facts, reason, saferWay: null, hazard: 'none' };
  }
  const own = kind === 'f' ? { ...altered, family: [altered.relation] } : altered;
  const counted = countFailures(
    own,
    columns,
    countable ?? (() => ({ unmeasured: `the script itself adds ${name}` })),
  );
  return alteration(own, { ...facts, ...counted, scan: true, reason });
}

const keptBy: Readonly<Record<LiveConstraint['kind'], string>> = {
  c: 'rows that break it can be written',
  f: 'rows that refer to nothing can be written',
  p: 'duplicates and empty values can be written, and its index goes',
  u: 'duplicates can be written, and its index goes',
  x: 'rows that exclude each other can be written, and its index goes',
  n: 'empty values can be written',
  t: 'its trigger does not fire',
};

function droppedAlong(altered: Altered, one: Dropped): Finding {
  const operation = 'DROP CONSTRAINT';
  const about = one.relation ? alteredOf(altered.world, altered.statement, one.relation) : altered;
  const isConstraint = one.kind.includes('constraint');
  return alteration(about, {
    ...{ rule: isConstraint ? 'drop-constraint' : 'drop-object', operation, lock: strong },
    ...{ safety: 'UNSAFE', object: one.name, because: one.because ?? altered.object },
    reason: isConstraint
      ? 'from now on rows that refer to nothing can be written'
      : `the ${one.kind} goes along`,
  });
}

/** What the script has made itself, also by CREATE TABLE. */
function forget({ world, relation }: Altered, name: string): boolean {
  const object = world.findObject('constraint', { name }, relation);
  if (object?.isNew !== true) return false;
  const index = world.findObject('index', { schema: relation.schema, name });
  world.drop(index?.isNew ? [object.id, index.id] : [object.id], true);
  return true;
}

/** DROP CONSTRAINT: no row is touched; from now on nothing checks it. */
export function dropConstraint(altered: Altered, cmd: AlterTableCmd): readonly Finding[] {
  const { world, relation } = altered;
  const name = cmd.name ?? '';
  const operation = 'DROP CONSTRAINT';
  const facts = { rule: 'drop-constraint', operation, safety: 'UNSAFE', lock: strong } as const;
  const added = findScriptConstraint(world, relation, name);
  if (added) {
    removeScriptConstraint(world, added);
    forget(altered, name);
    const reason = `${name} goes, which the script itself has added`;
    const own = alteration(altered, { ...facts, safety: 'SAFE', reason });
    return [own, ...otherTable(altered, added.references)];
  }
  const live = findLive(altered, name);
  const address = live && world.addressOf('constraint', relation, name);
  if (!live || address === undefined) {
    if (!forget(altered, name)) return [missingConstraint(altered, operation, cmd)];
    const reason = `${name} goes, which the script itself has made`;
    return [alteration(altered, { ...facts, safety: 'SAFE', reason })];
  }
  const cascade = cmd.behavior === 'DROP_CASCADE';
  const { dropped, inTheWay } = world.drop([address], cascade);
  if (inTheWay.length > 0) {
    const reason = `needed by ${inTheWay.map((one) => one.name).join(', ')}: PostgreSQL refuses without CASCADE`;
    return [failing(altered, { rule: 'dependents-in-the-way', operation, reason })];
  }
  forgetNotNull(altered, live);
  const reason = `${name} goes: from now on ${keptBy[live.kind]}`;
  const along = dropped.filter((one) => !one.isOwn);
  return [
    alteration(altered, { ...facts, reason }),
    ...otherTable(altered, world.relationByOid(live.referenced) ?? null),
    ...along.map((one) => droppedAlong(altered, one)),
  ];
}

/** A foreign key has triggers in the other table, for which that is locked too. */
function otherTable(altered: Altered, other: WorldRelation | null): readonly Finding[] {
  if (!other || other.id === altered.relation.id) return [];
  return [
    alteration(alteredOf(altered.world, altered.statement, other, true), {
      ...{ rule: 'drop-constraint', operation: 'DROP CONSTRAINT', lock: strong },
      because: altered.object,
      reason: `${altered.object} referred to it`,
    }),
  ];
}

function forgetNotNull({ world, relation }: Altered, live: LiveConstraint): void {
  if (live.kind !== 'n') return;
  for (const { name } of columnsByNumber(world, relation, live.columns)) {
    world.changeColumn(relation, name, { notNull: false });
  }
}

/** ALTER CONSTRAINT: when, or whether, it is checked. */
export function alterConstraint(altered: Altered, cmd: AlterTableCmd): readonly Finding[] {
  const { world, relation } = altered;
  const definition = contentOf<ATAlterConstraint>(cmd.def, 'ATAlterConstraint') ?? {};
  const name = definition.conname ?? '';
  const operation = 'ALTER CONSTRAINT';
  const live = findLive(altered, name);
  const added = findScriptConstraint(world, relation, name);
  if (!live && !added) return [missingConstraint(altered, operation, { ...cmd, name })];
  const facts = { rule: 'alter-constraint', operation, lock: strong } as const;
  if (!definition.alterEnforceability) {
    return [alteration(altered, { ...facts, reason: `${name} is checked at another time` })];
  }
  const other = live ? (world.relationByOid(live.referenced) ?? null) : null;
  if (!definition.is_enforced) {
    const reason = `${name} is not enforced any more: from now on nothing checks it`;
    return [
      alteration(altered, { ...facts, safety: 'UNSAFE', reason }),
      ...otherTable(altered, other),
    ];
  }
  const counted = live
    ? countFailures(altered, undefined, (table) => violationsOf(world, live, table))
    : {};
  return [
    alteration(altered, {
      ...{ ...facts, ...counted, scan: true },
      reason: `every row is checked against ${name}, which is enforced again`,
    }),
    ...otherTable(altered, other),
  ];
}
