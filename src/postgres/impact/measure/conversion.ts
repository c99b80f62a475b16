import type { Measure } from '../../../domain/impact/measure.js';
import { quoteIdentifier } from '../../session.js';
import { failingValues } from './failing-values.js';
import { shortened } from './keys.js';
import { type Reading, Refusal, source } from './reading.js';
import type { Part } from './scan.js';
import { builtIn, type TypedBy, Types } from './types.js';
import { readWrittenCast } from './written-cast.js';

export type ConversionMeasure = Extract<Measure, { what: 'conversion' }>;

/** How the values of a column are converted, as SQL over its row. */
export interface Conversion {
  readonly measure: ConversionMeasure;
  /** The value that is converted: what USING says, else the column. */
  readonly value: string;
  /** The value afterwards. */
  readonly converted: string;
  /** Condition: the value afterwards is another one. It may fail where `converted` does. Null: it never is. */
  readonly changes: string | null;
  /** Condition: it cannot be converted; null: that never happens; undefined: one has to try. */
  readonly fails: string | null | undefined;
  /** The cast that SQL has cuts values on which the assignment fails: only assigning shows it. */
  readonly onlyByAssignment: boolean;
  /** What the number of changed values does not say; null: nothing. */
  readonly remark: string | null;
}

/** Or why there is nothing to count: `refused` where PostgreSQL refuses it whatever the rows. */
export type PreparedConversion =
  | Conversion
  | { readonly refused: string }
  | { readonly unknown: string };

interface Described {
  readonly from: TypedBy;
  readonly to: TypedBy;
  readonly value: TypedBy;
  readonly default: TypedBy | null;
  readonly types: Types;
  readonly isDomain: boolean;
}

/** Looks at the types: which conversion it is, and whether there is one. */
export async function prepareConversion(
  reading: Reading,
  measure: ConversionMeasure,
): Promise<PreparedConversion> {
  const { table, to } = measure;
  const described = await reading.within({ searchPath: table.searchPath, table }, () =>
    describe(reading, measure),
  );
  if (described instanceof Refusal) return { unknown: described.why };
  const { types, value, default: standard } = described;
  if (!types.isAssignable(value.oid, described.to.oid)) {
    return { refused: `its values cannot be cast automatically to ${to}` };
  }
  if (standard && !types.isAssignable(standard.oid, described.to.oid)) {
    return { refused: `its default cannot be cast automatically to ${to}` };
  }
  return conversionOf(reading, measure, described);
}

/** The server says of each expression which type it has; nothing is read for it. */
async function describe(
  reading: Reading,
  { table, column, from, to, using, default: standard }: ConversionMeasure,
): Promise<Described> {
  const { session } = reading;
  const list = [`NULL::${from}`, `NULL::${to}`, `(${using ?? column})`];
  if (standard) list.push(`(${standard})`);
  const { fields } = await session.client.query(
    `SELECT ${list.join(', ')} FROM ${source(table)} LIMIT 0`,
  );
  const typed = fields.map(({ dataTypeID, dataTypeModifier }) => ({
    ...{ oid: dataTypeID, modifier: dataTypeModifier },
  }));
  const none: TypedBy = { oid: 0, modifier: -1 };
  const [before = none, after = none, value = none, ofDefault = null] = typed;
  const { kind } = await session.queryOne<{ kind: string | null }>(
    `SELECT (SELECT typtype::text FROM pg_catalog.pg_type
              WHERE oid = pg_catalog.to_regtype($1)) AS kind`,
    [to],
  );
  const types = await Types.read(session, [
    ...new Set([before, after, value, ofDefault ?? none].map(({ oid }) => oid)),
  ]);
  const isDomain = kind === 'd';
  return { from: before, to: after, value, default: ofDefault, types, isDomain };
}

const cutting: readonly number[] = [
  ...[builtIn.varchar, builtIn.bpchar, builtIn.bit, builtIn.varbit],
];

async function conversionOf(
  reading: Reading,
  measure: ConversionMeasure,
  described: Described,
): Promise<Conversion> {
  const { column, to, using } = measure;
  const { types, isDomain } = described;
  const { serverVersion } = reading.session;
  const target = { to: described.to, toSql: to, isDomain, serverVersion };
  const value = using ?? column;
  const cast = await writtenCast(measure, described);
  const fails = failingValues(
    cast
      ? { ...target, value: column, from: described.from, isExplicit: true }
      : { ...target, value, from: described.value, isExplicit: false },
    types,
  );
  const converted = `(${value})::${to}`;
  const element = types.elementOf(described.to.oid);
  const onlyByAssignment =
    !cast &&
    described.to.modifier >= 0 &&
    ((isDomain && cutting.includes(described.to.oid)) || cutting.includes(element));
  const isKept = fails !== undefined && using === null && keepsValues(described.from, described.to);
  const change = isKept ? { changes: null, remark: null } : changesOf(measure, described);
  return { measure, value, converted, fails, onlyByAssignment, ...change };
}

/** `USING column::type` with the very type that the column gets: what it fails on can be said without trying. */
async function writtenCast(
  { column, using }: ConversionMeasure,
  { to, value }: Described,
): Promise<boolean> {
  if (using === null || to.oid !== value.oid || to.modifier !== value.modifier) return false;
  const written = await readWrittenCast(using);
  return (
    written !== undefined && [written.column, quoteIdentifier(written.column)].includes(column)
  );
}

const wholeNumbers: readonly number[] = [builtIn.int2, builtIn.int4, builtIn.int8];

/** What fits is the same value: whole numbers, and strings without a length. */
function keepsValues(from: TypedBy, to: TypedBy): boolean {
  if (wholeNumbers.includes(from.oid) && wholeNumbers.includes(to.oid)) return true;
  const strings: readonly number[] = [builtIn.text, builtIn.varchar];
  return strings.includes(from.oid) && strings.includes(to.oid) && to.modifier < 0;
}

/** Length at which a value is cut, and nothing else is done to it; 0: there is none. */
const cutAt = ({ oid, modifier }: TypedBy): number =>
  oid === builtIn.varchar && modifier > 4 ? modifier - 4 : 0;

function changesOf(
  { column, from, to, using }: ConversionMeasure,
  { types, from: before, to: after }: Described,
): Pick<Conversion, 'changes' | 'remark'> {
  const converted = `(${using ?? column})::${to}`;
  // A value that was NULL is no loss, whatever it becomes.
  const was = using === null ? '' : `${column} IS NOT NULL AND `;
  const asText = (sql: string) => `(${sql})::pg_catalog.text`;
  const byText = `${was}${asText(converted)} IS DISTINCT FROM ${asText(column)}`;
  if (types.isString(after.oid)) {
    const isCut = using === null && types.isString(before.oid) && cutAt(after);
    // What is not longer even in bytes is not cut.
    const changes = isCut
      ? `pg_catalog.octet_length(${asText(column)}) > ${isCut} AND ${byText}`
      : byText;
    return { changes, remark: null };
  }
  if (!types.isCastable(after.oid, before.oid)) {
    return {
      changes: `${column} IS NOT NULL AND (${converted} IS NULL OR true)`,
      remark: `there is no way back from ${to} to ${from}: every value counts as changed`,
    };
  }
  const back = `(${converted})::${from}`;
  const changes = types.isComparedAsText(before.oid)
    ? `${was}${asText(back)} IS DISTINCT FROM ${asText(column)}`
    : `${was}${back} IS DISTINCT FROM ${column}`;
  return { changes, remark: null };
}

const shownLength = 40;

const shownValue = (sql: string) =>
  `coalesce(${shortened(`(${sql})::pg_catalog.text`, shownLength)}, 'NULL')`;

/** A row on which it fails, and one that it changes, as they are shown. */
export function shownRows({ measure, converted }: Conversion, key: string) {
  const old = shownValue(measure.column);
  return {
    failing: `${key} || ': ' || ${old} || ' fails'`,
    changed: `${key} || ': ' || ${old} || ' → ' || ${shownValue(converted)}`,
  };
}

/** Counts failing and changed values in the scan of the table, with all else that is counted there. */
export function conversionPart(conversion: Conversion): Part {
  const { measure, fails } = conversion;
  const changes = conversion.changes ?? 'false';
  const isGood = fails == null ? changes : `CASE WHEN ${fails} THEN false ELSE ${changes} END`;
  const found = fails == null ? changes : `CASE WHEN ${fails} THEN true ELSE ${changes} END`;
  const isConstant = conversion.changes === null;
  const failing = fails == null ? [] : [{ of: '*', where: fails }];
  const changing = isConstant ? [] : [{ of: '*', where: isGood }];
  const conditions = [...changing, ...failing];
  // Where nothing can happen all rows are counted, for their total.
  const counters = conditions.length > 0 ? conditions : [{ of: '*', where: null }];
  return {
    ...{ table: measure.table, needsPath: true, counters, isEstimable: false },
    // Without a condition for them there are no failures, or the query itself has failed.
    read: (numbers) => {
      if (conditions.length === 0) return { count: 0, changed: 0 };
      const [changed = 0, count = 0] = isConstant ? [0, ...numbers] : numbers;
      return { count, changed };
    },
    show: {
      condition: found,
      text: (key) => {
        const { failing, changed } = shownRows(conversion, key);
        return fails == null ? changed : `CASE WHEN ${fails} THEN ${failing} ELSE ${changed} END`;
      },
    },
  };
}
