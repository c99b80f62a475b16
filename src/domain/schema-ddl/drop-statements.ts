import type { DdlStatement } from './ddl-statement.js';
import { designate } from './designations.js';
import type { KnownObject, KnownSchema } from './known-schema.js';

/** Makes the statement that removes an object; undefined: it goes with what it is part of. */
export function dropStatement(object: KnownObject, schema: KnownSchema): DdlStatement | undefined {
  const sql = dropSql(object, schema);
  const { kind, name } = object;
  return sql === undefined ? undefined : { sql, object: { kind, name }, phase: 'clear' };
}

function dropSql(object: KnownObject, schema: KnownSchema): string | undefined {
  const { kind, on, ownName } = object;
  if (kind === 'column') return dropColumn(object, schema);
  if (kind === 'constraint') {
    const isOnDomain = schema.find('domain', on) !== undefined;
    return `ALTER ${isOnDomain ? 'DOMAIN' : 'TABLE'} ${on} DROP CONSTRAINT ${ownName}`;
  }
  // Indexes of constraints, sequences of columns and what is attached go along.
  if (kind === 'index' && object.has('owned by')) return undefined;
  if (kind === 'sequence' && object.has('identity')) return undefined;
  if (kind === 'default privileges') return undefined;
  const target = designate(object, schema);
  return target === undefined ? undefined : `DROP ${target}`;
}

function dropColumn(column: KnownObject, schema: KnownSchema): string | undefined {
  const holder = schema.relation(column.on);
  if (!holder || holder.kind.endsWith('view')) return undefined;
  if (holder.kind === 'composite type') {
    return `ALTER TYPE ${column.on} DROP ATTRIBUTE ${column.ownName}`;
  }
  if (schema.inheritedColumn(holder, column.ownName)) return undefined;
  return `ALTER TABLE ${column.on} DROP COLUMN ${column.ownName}`;
}
