import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import type { MappedTable } from '../../domain/shadow.js';
import { quoteLiteral, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';

interface SequenceNow extends QualifiedName {
  /** The column that owns it: then it is found by that, whatever its name. */
  readonly table: number | null;
  readonly column: number | null;
  readonly ascends: boolean;
  readonly cycles: boolean;
  readonly readable: boolean;
}

interface Value {
  readonly lastValue: string;
  readonly isCalled: boolean;
}

export interface BroughtSequences {
  readonly set: number;
  /** Sequences of the target that the role may not read. */
  readonly unreadable: readonly string[];
}

/** A statement locks each of its sequences; the server's table of locks is small. */
const sequencesPerQuery = 500;

/**
 * Sets the shadow's sequences to the target's values. They are found by the column that owns them, else by name. One that the
 * migration itself has moved on further stays where it is: its values are in use. What `setval` does no transaction takes
 * back, and doing it again does no harm.
 * @param tables as they are mapped
 */
export async function bringSequences(
  source: Session,
  shadow: Session,
  tables: readonly MappedTable[],
): Promise<BroughtSequences> {
  const [all, theirs] = [await readSequences(source), await readSequences(shadow)];
  const readable = all.filter((sequence) => sequence.readable);
  const pairs = readable.flatMap((from) => {
    const to = counterpart(from, theirs, tables);
    return to?.readable ? [{ from, to }] : [];
  });
  const now = await readValues(
    source,
    pairs.map(({ from }) => from),
  );
  const then = await readValues(
    shadow,
    pairs.map(({ to }) => to),
  );
  const isMoved = tables.some(({ table }) => (table.transformed?.inserted ?? 0) > 0);
  const statements = pairs.flatMap(({ from, to }, index) => {
    const [value, present] = [now[index], then[index]];
    if (!value || !present || isSame(value, present)) return [];
    const isBehind = isMoved && !from.cycles && isFurther(present, value, from.ascends);
    return isBehind ? [] : [setvalSql(to, value)];
  });
  for (let at = 0; at < statements.length; at += sequencesPerQuery) {
    const sql = statements.slice(at, at + sequencesPerQuery).join('\nUNION ALL ');
    await shadow.execute(sql, 'setting the sequences of the shadow');
  }
  return {
    set: statements.length,
    unreadable: all.filter((sequence) => !sequence.readable).map(formatQualifiedName),
  };
}

function readSequences(session: Session): Promise<SequenceNow[]> {
  return session.query<SequenceNow>(
    `SELECT n.nspname::text AS schema, c.relname::text AS name, d.refobjid::int8::float8 AS "table", d.refobjsubid AS "column",
            q.seqincrement > 0 AS ascends, q.seqcycle AS cycles,
            has_schema_privilege(n.oid, 'USAGE') AND has_sequence_privilege(c.oid, 'SELECT') AS readable
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence q ON q.seqrelid = c.oid
       LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refobjsubid > 0
                            AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
      WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      ORDER BY c.oid`,
    [],
    'listing the sequences',
  );
}

function counterpart(
  from: SequenceNow,
  theirs: readonly SequenceNow[],
  tables: readonly MappedTable[],
): SequenceNow | undefined {
  const table = tables.find((one) => one.table.oid === from.table)?.table;
  const number = table?.columns.find((one) => one.number === from.column)?.shadowNumber;
  const owned =
    table && number
      ? theirs.find((one) => one.table === table.shadowOid && one.column === number)
      : undefined;
  return owned ?? theirs.find((one) => one.schema === from.schema && one.name === from.name);
}

async function readValues(
  session: Session,
  sequences: readonly QualifiedName[],
): Promise<(Value | undefined)[]> {
  const values: (Value | undefined)[] = [];
  for (let at = 0; at < sequences.length; at += sequencesPerQuery) {
    const selects = sequences
      .slice(at, at + sequencesPerQuery)
      .map(
        (sequence, index) =>
          `SELECT ${at + index} AS place, last_value::text AS "lastValue", is_called AS "isCalled" FROM ${quoteQualifiedName(sequence)}`,
      );
    const rows = await session.query<Value & { place: number }>(
      selects.join('\nUNION ALL '),
      [],
      'reading the values of the sequences',
    );
    for (const { place, ...value } of rows) values[place] = value;
  }
  return values;
}

const isSame = (a: Value, b: Value): boolean =>
  a.lastValue === b.lastValue && a.isCalled === b.isCalled;

function isFurther(a: Value, b: Value, ascends: boolean): boolean {
  const difference = BigInt(a.lastValue) - BigInt(b.lastValue);
  if (difference === 0n) return a.isCalled && !b.isCalled;
  return ascends ? difference > 0n : difference < 0n;
}

const setvalSql = (sequence: QualifiedName, { lastValue, isCalled }: Value): string =>
  `SELECT setval(${quoteLiteral(quoteQualifiedName(sequence))}::regclass, ${quoteLiteral(lastValue)}::int8, ${isCalled})`;
