import { type Finding, finding } from '../finding.js';
import type { Address, LiveColumn } from '../live-catalog.js';
import { contractColumn } from '../safer-way.js';
import { qualifiedSql } from '../sql-names.js';
import { printedName } from '../world/printed-names.js';
import type { Dropped, DropResult, World, WorldColumn, WorldRelation } from '../world.js';
import { droppedAttribute } from './composite-types.js';
import { feltLock } from './felt-lock.js';
import { implicitKinds, objectLoss, partKinds } from './object-loss.js';
import { isLiveFamily, partsMeasure } from './partition-rows.js';

/** What else is to be said of a loss. */
export interface LossContext {
  /** Name of the object that takes it along; default null. */
  readonly because?: string | null;
}

const tableName = ({ schema, name }: WorldRelation): string => printedName(schema, name);

/** A table that goes with its rows. Before the world is told. */
function tableLoss(
  world: World,
  relation: WorldRelation,
  { because = null }: LossContext = {},
): Finding {
  const facts = {
    ...{ rule: 'drop-table', operation: 'DROP TABLE', object: tableName(relation), because },
  };
  const { live } = relation;
  const measured = world.measured(relation);
  if (!live || !measured) {
    const reason = 'the table goes; the script itself has made it, so nothing of before is lost';
    return finding({ ...facts, safety: 'SAFE', reason });
  }
  return finding({
    ...{ ...facts, safety: 'UNSAFE', reason: 'the table goes with all its rows' },
    ...{ ...feltLock(world, relation), after: world.touchedBefore(relation) },
    measure: partsMeasure(world, relation) ?? { what: 'rows', table: measured, where: null },
    ...{ counts: 'rows-lost', loss: { what: 'table', table: live.oid } },
    saferWay: because === null ? retireTable(relation) : null,
  });
}

/** What still uses it shows itself while there is a way back. */
function retireTable({ schema, name }: WorldRelation): string {
  const table = qualifiedSql({ schema, name });
  const away = `${name.slice(0, 55)}_unused`;
  return [
    '-- first a name that nobody uses, which can be taken back at once:',
    `ALTER TABLE ${table} RENAME TO ${quoted(away)};`,
    '-- some time later, with a backup (`belay migrate up --backup database`):',
    `DROP TABLE ${qualifiedSql({ schema, name: away })};`,
  ].join('\n');
}

const quoted = (name: string): string => qualifiedSql({ schema: 'x', name }).slice(2);

/** A column that goes with its values, while its table stays. Before the world is told. */
function columnLoss(
  world: World,
  relation: WorldRelation,
  column: WorldColumn,
  { because = null }: LossContext = {},
): Finding {
  const facts = {
    ...{ rule: 'drop-column', operation: 'DROP COLUMN', because },
    object: printedName(relation.schema, relation.name, column.name),
    ...feltLock(world, relation),
  };
  const harmless = (reason: string) => finding({ ...facts, safety: 'SAFE', reason });
  const { live } = column;
  const measured = world.measured(relation);
  if (!live || !measured) {
    return harmless('the column goes; the script itself has made it, so nothing of before is lost');
  }
  if (relation.kind === 'v') return harmless('the column of the view goes; it keeps no values');
  if (relation.kind === 'f')
    return harmless('the column goes; its values lie outside of this database');
  if (isComputed(world, relation, live.number)) {
    return harmless('the column goes; its values are computed from others');
  }
  const loses = { ...facts, safety: 'DATA_LOSS' } as const;
  const reason = `the column goes with its values${alongWith(world, relation, column)}`;
  return finding({
    ...{ ...loses, reason, after: world.touchedBefore(relation, [column.name]) },
    measure: partsMeasure(world, relation, column.name) ?? {
      ...{ what: 'values', table: measured, column: quotedColumn(live.name), where: null },
    },
    ...{
      counts: 'values-lost',
      loss: { what: 'column', table: measured.oid, column: live.number },
    },
    saferWay: because === null ? contractColumn(relation, column.name) : null,
  });
}

const quotedColumn = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** An attribute of a composite type goes from all values of that type. */
function attributeLosses(
  world: World,
  relation: WorldRelation,
  column: WorldColumn,
  { because = null }: LossContext,
): readonly Finding[] {
  const type = world.catalog.types.find((one) => one.relation === relation.live?.oid);
  const object = printedName(relation.schema, relation.name, column.name);
  const facts = { rule: 'drop-column', operation: 'DROP ATTRIBUTE', object };
  if (!type) return [finding({ ...facts, safety: 'SAFE', because, reason: 'the attribute goes' })];
  const losses = droppedAttribute({ world, type, cmd: { name: column.name }, facts });
  return losses.map((one) => ({ ...one, because: because ?? one.because }));
}

/** Generated in the live database, and still: what DROP EXPRESSION left would be values like others. */
function isComputed(world: World, relation: WorldRelation, number: number): boolean {
  const live = liveColumn(world, relation, number);
  const now = world.columnsOf(relation).find((column) => column.live?.number === number);
  return live !== undefined && live.generated !== null && now?.isGenerated !== false;
}

function liveColumn(world: World, { live }: WorldRelation, number: number): LiveColumn | undefined {
  return world.catalog.columns.find(
    (column) => column.relation === live?.oid && column.number === number,
  );
}

/** Indexes and constraints over it go in silence, also those that have other columns too. */
function alongWith(world: World, relation: WorldRelation, column: WorldColumn): string {
  const own = world
    .preview([column.id], true)
    .dropped.filter(({ kind, isOwn, relation: holder }) => {
      const isPart = kind === 'index' || kind === 'constraint';
      return isPart && isOwn && holder?.id === relation.id;
    })
    .map(({ kind, id, name }) => `${kind} ${world.objectById(id)?.name ?? name}`);
  return own.length > 0 ? `; ${own.join(', ')} ${own.length === 1 ? 'goes' : 'go'} with it` : '';
}

/**
 * Findings for all that goes: tables with their rows, columns of tables that stay with their values, other objects by name. Partitions
 * are counted with the partitioned table that goes; nothing is counted twice.
 */
export function droppedFindings(world: World, { dropped }: DropResult): Finding[] {
  const going = new Map(dropped.map((one) => [one.id, one]));
  return dropped.flatMap((one): readonly Finding[] => {
    const context = { because: one.because };
    if (implicitKinds.has(one.kind)) return [];
    if (one.kind === 'table' && one.self) {
      return isCountedAbove(world, one.self, going) ? [] : [tableLoss(world, one.self, context)];
    }
    if (one.kind !== 'column') return isSaid(one) ? [objectLoss(world, one)] : [];
    const { relation, column } = one;
    if (relation?.kind === 'c' && column) return attributeLosses(world, relation, column, context);
    return relation && column && !isCopyOfParents(world, relation, column, going)
      ? [columnLoss(world, relation, column, context)]
      : [];
  });
}

/** Not what is a part of something else that goes: an owned sequence, an index of a column, a function of an extension. */
function isSaid({ kind, relation, because, owner }: Dropped): boolean {
  const isPart = owner !== null || (partKinds.has(kind) && relation === null);
  return because === null || !isPart;
}

/** The rows of a partition are those of the partitioned table above it. */
function isCountedAbove(
  world: World,
  relation: WorldRelation,
  going: ReadonlyMap<Address, Dropped>,
): boolean {
  return [...going.values()].some(
    ({ self }) =>
      self?.kind === 'p' && world.isBelow(relation, self) && isLiveFamily(world, self, relation),
  );
}

/** The values of a partition's column are counted with those of the partitioned table's. */
function isCopyOfParents(
  world: World,
  relation: WorldRelation,
  column: WorldColumn,
  going: ReadonlyMap<Address, Dropped>,
): boolean {
  return [...going.values()].some(
    (one) =>
      one.column?.name === column.name &&
      one.relation?.kind === 'p' &&
      isLiveFamily(world, one.relation, relation) &&
      world.isBelow(relation, one.relation),
  );
}

/** The finding of a statement that fails because something depends on what it would drop. */
export function inTheWayFinding(
  facts: Pick<Finding, 'operation' | 'object' | 'safety'>,
  { inTheWay }: Pick<DropResult, 'inTheWay'>,
  cascadeHelps = true,
): Finding {
  const shown = inTheWay.filter(({ kind }) => !implicitKinds.has(kind));
  const names = (shown.length > 0 ? shown : inTheWay).slice(0, 5).map(({ kind, name }) => {
    return `${kind} ${name}`;
  });
  const more = shown.length > names.length ? ` and ${shown.length - names.length} more` : '';
  const what = `it fails: ${names.join(', ')}${more} ${inTheWay.length === 1 ? 'depends' : 'depend'} on it`;
  return finding({
    ...facts,
    ...{ rule: 'dependents-in-the-way', fails: true },
    reason: cascadeHelps ? `${what}; with CASCADE they go too` : what,
  });
}

/**
 * DROP COLUMN with all that goes with it: in the inheritors and partitions too, by CASCADE what depends on it. The world is
 * afterwards without it, unless it fails.
 */
export function dropColumn(
  world: World,
  relation: WorldRelation,
  column: WorldColumn,
  { cascade = false, only = false }: { readonly cascade?: boolean; readonly only?: boolean } = {},
): Finding[] {
  const object = printedName(relation.schema, relation.name, column.name);
  const facts = { operation: 'DROP COLUMN', object, safety: 'DATA_LOSS' } as const;
  const fails = (reason: string) => [
    finding({ ...facts, rule: 'dependents-in-the-way', reason, fails: true }),
  ];
  const live = column.live && liveColumn(world, relation, column.live.number);
  if (live && (live.parents ?? 0) > 0 && hasParent(world, relation, column.name)) {
    return fails('it fails: the column is inherited from the parent table');
  }
  const inheritors = world.descendantsOf(relation);
  if (only && relation.kind === 'p' && inheritors.length > 0) {
    return fails('it fails: of a partitioned table a column goes from all partitions or from none');
  }
  const copies = only
    ? []
    : inheritors.flatMap((child) => inheritedColumn(world, child, column.name));
  const ids = [column, ...copies].map(({ id }) => id);
  const preview = world.preview(ids, cascade);
  if (preview.inTheWay.length > 0) return [inTheWayFinding(facts, preview)];
  const copied = new Set(copies.map(({ id }) => id));
  const dropped = preview.dropped.map((one) =>
    copied.has(one.id) ? { ...one, because: object } : one,
  );
  const findings = droppedFindings(world, { ...preview, dropped });
  world.drop(ids, cascade);
  // What the statement names comes first.
  return findings.sort((a, b) => Number(b.because === null) - Number(a.because === null));
}

function hasParent(world: World, relation: WorldRelation, column: string): boolean {
  return world
    .relations()
    .some(
      (parent) =>
        world.findColumn(parent, column) !== undefined &&
        world.descendantsOf(parent).some(({ id }) => id === relation.id),
    );
}

/** The column of an inheritor, where it has it from its parents only. */
function inheritedColumn(world: World, child: WorldRelation, name: string): WorldColumn[] {
  const column = world.findColumn(child, name);
  const live = column?.live ? liveColumn(world, child, column.live.number) : undefined;
  if (!column) return [];
  return live && (live.isLocal || (live.parents ?? 1) > 1) ? [] : [column];
}
