import { recordFormat } from './record.js';

/** A migrated database from which test databases are copied. Closed to connections. */
export interface TestTemplateRecord {
  readonly kind: 'test-template';
  /** Of everything that it was made from; another one means another template. */
  readonly fingerprint: string;
  /** Whose template it is: older ones of the same project are removed. */
  readonly project: string;
  readonly createdAt: string;
  /** As exact as an hour. */
  readonly lastUsedAt: string;
}

/**
 * ready: prepared ahead, closed, nobody has ever connected. taken: a test has it, as long as its process holds the claim.
 * used: no test needs it any more; whoever comes next removes it.
 */
export type TestDatabaseState = 'ready' | 'taken' | 'used';

/** A copy of a template, for one test or one file of tests. */
export interface TestDatabaseRecord {
  readonly kind: 'test-database';
  readonly fingerprint: string;
  readonly project: string;
  readonly state: TestDatabaseState;
  readonly createdAt: string;
  /** Process that has it, for people: "4711@build-7"; null where nobody has. */
  readonly owner: string | null;
}

export type TestRecord = TestTemplateRecord | TestDatabaseRecord;

const states: readonly string[] = ['ready', 'taken', 'used'];

/** Names of test databases, of those that are prepared, and of templates that are being made. */
export const testDatabasePattern = '^belay_test(ready)?_[0-9a-z]{12}$';
/** Names of templates. */
export const testTemplatePattern = '^belay_testtemplate_[0-9a-f]{20}$';

export const testDatabaseName = (id: string): string => `belay_test_${id}`;

/**
 * The name of one that is prepared. Taking it renames it: of several that try, one finds it, and a name that was taken never
 * means a prepared one again.
 */
export const readyDatabaseName = (id: string): string => `belay_testready_${id}`;

/** The name of the template with a fingerprint: whoever makes the same finds it by that. */
export const testTemplateName = (fingerprint: string): string =>
  `belay_testtemplate_${fingerprint.slice(0, 20)}`;

/** The text of the comment on a template or a test database. */
export function encodeTestRecord(record: TestRecord): string {
  return JSON.stringify({ belay: recordFormat, ...record });
}

/** Reads a comment. Never throws: comments are also written by people. */
export function parseTestRecord(comment: string | null): TestRecord | undefined {
  if (!comment?.startsWith('{"belay":')) return undefined;
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(comment);
  } catch {
    return undefined;
  }
  const { belay, ...record } = value;
  if (belay !== recordFormat) return undefined;
  const known = record as Partial<TestTemplateRecord> & Partial<TestDatabaseRecord>;
  const isWhole =
    typeof known.fingerprint === 'string' &&
    typeof known.project === 'string' &&
    typeof known.createdAt === 'string';
  if (!isWhole) return undefined;
  if (record.kind === 'test-template' && typeof known.lastUsedAt === 'string') {
    return record as unknown as TestTemplateRecord;
  }
  if (record.kind === 'test-database' && states.includes(String(known.state))) {
    return record as unknown as TestDatabaseRecord;
  }
  return undefined;
}
