import type { DdlStatement } from '../../domain/schema-ddl/ddl-statement.js';
import type { SchemaStatement } from './plan-schema-sql.js';

/** What takes rows or values away. */
const destroys =
  /^(?:DROP (?:TABLE|FOREIGN TABLE|SEQUENCE|SCHEMA|EXTENSION)\b|ALTER (?:TABLE|TYPE|FOREIGN TABLE) .*\bDROP (?:COLUMN|ATTRIBUTE)\b)/s;

const rewrites =
  /^ALTER TABLE .*\b(?:ALTER COLUMN (?:"(?:[^"]|"")*"|\S+) TYPE|SET (?:UN)?LOGGED|SET ACCESS METHOD|ADD COLUMN .* STORED)\b/s;

/** Locks of statements on tables that are there, the weakest first; the first that fits counts. */
const locks: readonly (readonly [RegExp, SchemaStatement['lock']])[] = [
  [/^CREATE (?:UNIQUE )?INDEX\b/, 'share'],
  [/^(?:CREATE|ALTER) STATISTICS\b|VALIDATE CONSTRAINT|SET STATISTICS/, 'shareUpdateExclusive'],
  [/^CREATE (?:CONSTRAINT )?TRIGGER\b|ADD CONSTRAINT .* FOREIGN KEY\b/s, 'shareRowExclusive'],
  [/^(?:ALTER|DROP) (?:FOREIGN |MATERIALIZED )?(?:TABLE|VIEW|INDEX)\b/, 'accessExclusive'],
  [/^(?:CREATE|DROP) (?:TRIGGER|RULE|POLICY)\b/, 'accessExclusive'],
];

/** A column that is computed has no values of its own, and attributes are moved only where nothing has values of the type. */
const remakes =
  /\bDROP COLUMN (?:"(?:[^"]|"")*"|\S+), ADD COLUMN .* GENERATED ALWAYS AS \(|^ALTER TYPE .*\bDROP ATTRIBUTE .*, ADD ATTRIBUTE /s;

/** A statement of Belay's own as one of a plan. */
export function toSchemaStatement({ sql }: Pick<DdlStatement, 'sql'>): SchemaStatement {
  return {
    sql,
    // Of a partitioned index it commits one partition after the other.
    ...{ transactional: !sql.startsWith('REINDEX '), breaksBefore: false },
    lock: locks.find(([pattern]) => pattern.test(sql))?.[1] ?? 'none',
    rewrites: rewrites.test(sql),
    destructive: destroys.test(sql) && !remakes.test(sql),
  };
}

/** A label that is added to an enum can be used once that is committed, not before. */
const addsLabel = ({ sql }: SchemaStatement): boolean => /^ALTER TYPE .* ADD VALUE /s.test(sql);

/** Labels come before what may use them. */
export function hoistLabels(statements: readonly SchemaStatement[]): SchemaStatement[] {
  return [...statements.filter(addsLabel), ...statements.filter((one) => !addsLabel(one))];
}

/** Says where a commit is needed, in statements that ran in this order one by one: nowhere but after new labels. */
export function withBreaks(statements: readonly SchemaStatement[]): SchemaStatement[] {
  return statements.map((statement, index) => {
    const previous = statements[index - 1];
    const isAfterLabels = previous !== undefined && addsLabel(previous) && !addsLabel(statement);
    return { ...statement, breaksBefore: isAfterLabels };
  });
}
