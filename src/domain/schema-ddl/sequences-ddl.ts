import { type Alterer, type Creator, draft, draftIf } from './ddl-statement.js';
import type { KnownObject } from './known-schema.js';

/** The parameters of a sequence, all of them: the defaults depend on its type and direction. */
export function sequenceParameters(object: KnownObject): string {
  return [
    `INCREMENT BY ${object.need('increment')}`,
    `MINVALUE ${object.need('minimum')}`,
    `MAXVALUE ${object.need('maximum')}`,
    `START WITH ${object.need('start')}`,
    `CACHE ${object.text('cache') ?? '1'}`,
    object.has('cycle') ? 'CYCLE' : 'NO CYCLE',
  ].join(' ');
}

const sequence: Creator = (object, schema) => {
  // Made together with its column, and as persistent as the table.
  if (object.has('identity')) return persistence(object, schema.relation(tableOf(object)));
  const unlogged = object.has('unlogged') ? 'UNLOGGED ' : '';
  const owner = object.text('owned by');
  return [
    draft(
      'sequence',
      `CREATE ${unlogged}SEQUENCE ${object.name} AS ${object.need('type')} ${sequenceParameters(object)}`,
    ),
    ...draftIf(
      owner !== undefined,
      'belonging',
      () => `ALTER SEQUENCE ${object.name} OWNED BY ${owner}`,
    ),
  ];
};

/** "app.orders" of a sequence that belongs to "app.orders.id". */
const tableOf = (object: KnownObject): string =>
  object.need('owned by').replace(/\.(?:"(?:[^"]|"")*"|[^."]+)$/, '');

function persistence(object: KnownObject, table: KnownObject | undefined) {
  const isUnlogged = object.has('unlogged');
  return draftIf(
    table && table.has('unlogged') !== isUnlogged,
    'column',
    () => `ALTER SEQUENCE ${object.name} SET ${isUnlogged ? 'UNLOGGED' : 'LOGGED'}`,
  );
}

const parameterKeys = ['type', 'start', 'increment', 'minimum', 'maximum', 'cache', 'cycle'];

const alterSequence: Alterer = (before, after) => {
  if (before.has('identity') !== after.has('identity')) return [];
  const isSame = parameterKeys.every((key) => before.text(key) === after.text(key));
  const type = after.has('identity') ? '' : `AS ${after.need('type')} `;
  const owner = after.text('owned by');
  return [
    ...draftIf(
      !isSame,
      'sequence',
      () => `ALTER SEQUENCE ${after.name} ${type}${sequenceParameters(after)}`,
    ),
    ...draftIf(
      before.has('unlogged') !== after.has('unlogged'),
      'sequence',
      () => `ALTER SEQUENCE ${after.name} SET ${after.has('unlogged') ? 'UNLOGGED' : 'LOGGED'}`,
    ),
    ...draftIf(
      before.text('owned by') !== owner && !after.has('identity'),
      'belonging',
      () => `ALTER SEQUENCE ${after.name} OWNED BY ${owner ?? 'NONE'}`,
    ),
  ];
};

export const sequenceCreators: Readonly<Record<string, Creator>> = { sequence };
export const sequenceAlterers: Readonly<Record<string, Alterer>> = { sequence: alterSequence };
