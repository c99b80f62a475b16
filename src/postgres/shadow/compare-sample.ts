import type { PlacedColumn, PlacedPair, TablePlace } from '../../domain/shadow-mapping.js';
import { sqlStateOf } from '../pg-error.js';
import { quoteIdentifier, type Session } from '../session.js';
import { quoteQualifiedName } from '../sql/tables.js';
import { changedSince } from './scan-filter.js';

const sampleRows = 1000;
const doing = 'comparing retyped columns';

export interface ComparedSides {
  /** In the target. */
  readonly source: Session;
  readonly shadow: Session;
  /** `pg_snapshot` of the target as of the copy: rows that it has changed since say nothing. */
  readonly since: string;
}

/**
 * Whether a column that has another type now has the values that the target's would be as that type: then the migration has
 * changed nothing that rows which come later would lack (int to bigint, say). Only where PostgreSQL converts the old type to the
 * new one by itself or to a text, and a thousand rows agree: USING may have made anything of them. False where that cannot be told.
 */
export async function holdsSameValues(
  { source, shadow, since }: ComparedSides,
  place: TablePlace,
  { source: was, after: is }: PlacedPair,
): Promise<boolean> {
  const keys = keyPairs(place);
  if (!is || !place.after || !keys || !(await convertsByItself(shadow, was.type, is.type))) {
    return false;
  }
  const columns = [...keys.map((key) => key.source), was];
  const texts = columns.map(({ name }, index) => `${quoteIdentifier(name)}::text AS c${index}`);
  const rows = await source.query<Record<string, string | null>>(
    `SELECT ${texts.join(', ')} FROM ONLY ${quoteQualifiedName(place.source)} t
      WHERE NOT (${await changedSince(source, since)}) LIMIT ${sampleRows}`,
    [],
    doing,
  );
  if (rows.length === 0) return true;
  const lists = columns.map((_, index) => rows.map((row) => row[`c${index}`] ?? null));
  const given = columns.map((_, index) => `$${index + 1}::text[]`).join(', ');
  const names = columns.map((_, index) => `c${index}`).join(', ');
  const same = keys.map(
    (key, index) => `t.${quoteIdentifier(key.after.name)} = v.c${index}::${key.after.type}`,
  );
  try {
    const { differs } = await shadow.queryOne<{ differs: boolean }>(
      `SELECT EXISTS (
         SELECT FROM unnest(${given}) AS v(${names}) JOIN ${quoteQualifiedName(place.after)} t ON ${same.join(' AND ')}
          WHERE t.${quoteIdentifier(is.name)}::text IS DISTINCT FROM (v.c${keys.length}::${is.type})::text) AS differs`,
      lists,
      doing,
    );
    return !differs;
  } catch (error) {
    // A text that is no value of the new type, or a type without an equality: what came of it was not by itself.
    if (/^(?:22|42)/.test(sqlStateOf(error) ?? '')) return false;
    throw error;
  }
}

interface KeyPair {
  readonly source: PlacedColumn;
  readonly after: PlacedColumn;
}

/** Null: without a key, or the migration has dropped a column of it. */
function keyPairs({ source, columns }: TablePlace): KeyPair[] | null {
  const pairs = source.key?.map((number) => columns.find((pair) => pair.source.number === number));
  const whole = pairs?.flatMap((pair) =>
    pair?.after ? [{ source: pair.source, after: pair.after }] : [],
  );
  return whole && whole.length === pairs?.length ? whole : null;
}

async function convertsByItself(shadow: Session, from: string, to: string): Promise<boolean> {
  const { converts } = await shadow.queryOne<{ converts: boolean }>(
    `SELECT coalesce(a = b OR b IN ('text'::regtype, 'varchar'::regtype) OR EXISTS (
              SELECT FROM pg_cast WHERE castsource = a AND casttarget = b AND castcontext = 'i'), false) AS converts
       FROM (SELECT to_regtype($1) AS a, to_regtype($2) AS b) types`,
    [from, to],
    doing,
  );
  return converts;
}
