import type { AttributeValue } from '../../domain/definition.js';

/** A row of the schema queries: one object, with its address in the catalogs. */
export interface ObjectRow {
  readonly class: string;
  readonly id: string;
  readonly sub: number;
  readonly kind: string;
  readonly name: string | null;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  /** What is needed to put the definition together, and is no part of it. */
  readonly hidden?: Readonly<Record<string, string>>;
}

/** Kinds that have a definition printed by PostgreSQL. */
const defined = new Set([
  'constraint',
  'index',
  'view',
  'materialized view',
  'function',
  'procedure',
  'trigger',
  'rule',
  'statistics object',
]);

/** Attributes that name another object. */
const references = ['owned by', 'attached to', 'partition of', 'of type', 'collation', 'function'];

/** An OID where a name belongs; a name that begins with a digit would be in quotes. */
const bareOid = /^\d+(?:$|\.)/;

/**
 * Whether the object was taken away while it was read: then its definition is missing, or an OID or a mark of
 * PostgreSQL's stands where the name of something else belongs.
 */
export function isTorn({ kind, name, attributes }: ObjectRow): boolean {
  if (name === null || bareOid.test(name) || name.includes('???')) return true;
  const { definition, type } = attributes;
  // The index of a constraint has no definition of its own.
  const mayLack = kind === 'index' && attributes['owned by'];
  if (defined.has(kind) && !mayLack && !definition) return true;
  if (typeof type === 'string' && type.startsWith('???')) return true;
  return references.some((key) => {
    const value = attributes[key];
    return typeof value === 'string' && bareOid.test(value);
  });
}
