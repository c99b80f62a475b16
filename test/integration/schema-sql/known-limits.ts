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
];

/** Whether a difference that is left after a plan is one that PostgreSQL has no statement for. */
export const isKnownLimit = (change: SchemaChange): boolean =>
  limits.some(({ matches }) => matches(change));
