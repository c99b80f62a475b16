import type { SchemaChange } from '../../../src/domain/schema-model.js';

interface Limit {
  readonly matches: (change: SchemaChange) => boolean;
  /** Why no statement leads there. */
  readonly why: string;
}

/** What PostgreSQL can't do to an object that is there: a plan names it as unresolved. */
const limits: readonly Limit[] = [
  {
    matches: ({ kind, object, detail }) =>
      kind === 'changed' && object === 'composite type' && detail.startsWith('column order:'),
    why: 'the attributes of a type that columns have cannot change places without being dropped with their values',
  },
  {
    matches: ({ kind, object, detail }) =>
      kind !== 'added' &&
      ((object === 'table' && /^partition by:/m.test(detail)) ||
        (object === 'column' && detail.includes('part of the partition key')) ||
        (kind === 'removed' && object === 'index' && detail.includes(' ON ONLY '))),
    why: 'a table cannot become partitioned, or stop being so, without being made anew, which something that uses it can prevent',
  },
];

/** Whether a difference that is left after a plan is one that PostgreSQL has no statement for. */
export const isKnownLimit = (change: SchemaChange): boolean =>
  limits.some(({ matches }) => matches(change));
