import { recordFormat } from './record.js';

/**
 * What Belay writes into the COMMENT of a schema that it makes for single tables. It commits together with the schema,
 * so whatever an interruption leaves is known by it.
 */
export type TableSchemaRecord = AsideRecord | KeptRecord;

/** A schema in which tables are built; when they are in place it is only there for what is left to do. */
export interface AsideRecord {
  readonly kind: 'aside';
  readonly at: string;
  /** Foreign keys that are in place and not validated yet. */
  readonly validate: readonly ConstraintName[];
}

/** A schema that keeps what a restore replaced. Only its owner removes it. */
export interface KeptRecord {
  readonly kind: 'kept';
  readonly at: string;
  /** Id of the snapshot whose tables took the place. */
  readonly snapshotId: string;
  /** Foreign keys that the kept tables had, as SQL. Without them nothing that is in use depends on what is kept. */
  readonly foreignKeys: readonly string[];
}

export interface ConstraintName {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
}

export function encodeTableSchemaRecord(record: TableSchemaRecord): string {
  return JSON.stringify({ belay: recordFormat, ...record });
}

/** Reads a schema's comment; undefined: not Belay's, or of a later Belay. Never throws. */
export function parseTableSchemaRecord(comment: string | null): TableSchemaRecord | undefined {
  if (!comment?.startsWith('{"belay":')) return undefined;
  try {
    const { belay, ...record } = JSON.parse(comment);
    const known = record.kind === 'aside' ? Array.isArray(record.validate) : record.kind === 'kept';
    return belay === recordFormat && known ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Schemas with names that nobody else takes; a further one for each schema that the tables come from. */
export function tableSchemaName(kind: 'aside' | 'kept', id: string, index: number): string {
  return `belay_${kind}_${id}${index === 0 ? '' : `_${index + 1}`}`;
}
