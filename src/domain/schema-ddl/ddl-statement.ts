import type { KnownObject, KnownSchema } from './known-schema.js';

/**
 * When statements are run, in this order. What needs something of a later phase is tried again afterwards, so this has to
 * fit most schemas, not all.
 */
export const phases = [
  'clear',
  'role',
  'schema',
  'shell type',
  'extension',
  'collation',
  'type',
  'domain constraint',
  'text search',
  'sequence',
  'foreign server',
  'table',
  'partition',
  'routine',
  'operator',
  'operator class',
  'default',
  'column',
  'not null',
  'check',
  'key',
  'index',
  'attached index',
  'foreign key',
  'view',
  'materialized view',
  'view index',
  'reaction',
  'enabling',
  'publication',
  'belonging',
  'owner',
  'grant',
  'comment',
  'default privileges',
  'event trigger',
] as const;

export type Phase = (typeof phases)[number];

/** A statement that makes or changes an object, or a part of what makes it. */
export interface DdlStatement {
  /** Without a semicolon at its end. */
  readonly sql: string;
  readonly object: { readonly kind: string; readonly name: string };
  readonly phase: Phase;
}

/** A statement of an object that is known. */
export type Draft = Omit<DdlStatement, 'object'>;

/** Makes the statements that create an object, its owner, grants and comment aside. */
export type Creator = (object: KnownObject, schema: KnownSchema) => Draft[];

/**
 * Makes the statements that change an object, its owner, grants and comment aside; undefined: it has to be made anew.
 */
export type Alterer = (
  before: KnownObject,
  after: KnownObject,
  schemas: { readonly before: KnownSchema; readonly after: KnownSchema },
) => Draft[] | undefined;

export const draft = (phase: Phase, sql: string): Draft => ({ phase, sql });

/** A statement where there is something to say. */
export const draftIf = (condition: unknown, phase: Phase, sql: () => string): Draft[] =>
  condition ? [draft(phase, sql())] : [];
