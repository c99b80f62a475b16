import type { MappedTable } from '../../domain/shadow.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../pg-error.js';
import type { Session } from '../session.js';
import { doingTable, keyOf, stage } from './apply-stage.js';

interface ServerError {
  readonly message?: string;
  readonly constraint?: string;
  readonly column?: string;
  readonly where?: string;
}

/** What a type or a constraint says of a row. All else (a lock, a lost connection) says nothing of it. */
export function isRefusal(error: unknown): boolean {
  if (error instanceof BelayError && error.code === 'SHADOW_ROW_REFUSED') return false;
  return /^2[23]/.test(sqlStateOf(error) ?? '');
}

/** Another row has the same unique or excluded value; it may be one that is about to change, or to go. */
export function isConflict(error: unknown): boolean {
  return ['23505', '23P01'].includes(sqlStateOf(error) ?? '');
}

const serverError = (error: unknown): ServerError =>
  ((error instanceof BelayError ? error.cause : error) ?? {}) as ServerError;

/** The line of a COPY, from 1, at which it failed: the server tells it in numbers, whatever its language. */
export function lineOfCopy(error: unknown): number | null {
  const found = /^COPY \S+, \D*(\d+)/.exec(serverError(error).where ?? '')?.[1];
  return found === undefined ? null : Number(found);
}

/** Names a row by its key, never by its other values: messages are logged. */
export function describeKey(
  table: MappedTable,
  values: readonly (string | null)[] | null,
): string | null {
  if (!values) return null;
  const names = keyOf(table).map((index) => table.columns[index]?.source);
  return `(${names.join(', ')})=(${values.map((value) => value ?? 'NULL').join(', ')})`;
}

/** A row of the target that the shadow's schema does not take. */
export function rowRefused(
  table: MappedTable,
  key: readonly (string | null)[] | null,
  error: unknown,
): BelayError {
  const { message = String(error), constraint, column } = serverError(error);
  const name = `${table.source.schema}.${table.source.name}`;
  const row = key ? `row ${describeKey(table, key)}` : 'a row';
  return new BelayError(
    'SHADOW_ROW_REFUSED',
    `${row} of ${name} is refused by the shadow: ${message}`,
    {
      hint: 'Nothing was brought over. Change the row in the target, or the migration, and make the shadow anew.',
      details: {
        ...{ table: name, key, constraint: constraint ?? null, column: column ?? null },
        sqlState: sqlStateOf(error) ?? null,
      },
      cause: error,
    },
  );
}

/**
 * Runs work in a savepoint.
 * @throws what the work throws, when what it did is undone
 */
export async function inSavepoint<T>(session: Session, work: () => Promise<T>): Promise<T> {
  await session.execute('SAVEPOINT belay_attempt', 'setting a savepoint');
  try {
    const result = await work();
    await session.execute('RELEASE SAVEPOINT belay_attempt', 'releasing a savepoint');
    return result;
  } catch (error) {
    await session
      .execute('ROLLBACK TO SAVEPOINT belay_attempt; RELEASE SAVEPOINT belay_attempt', 'going back')
      .catch(() => {});
    throw error;
  }
}

/**
 * The key of the staged row that is refused: the last of the fewest first rows with which the attempt fails.
 * @param attempt merges the staged rows for which a condition holds; what it does is undone
 */
export async function findRefusedKey(
  shadow: Session,
  table: MappedTable,
  attempt: (where: string) => Promise<unknown>,
  staged = stage,
): Promise<(string | null)[] | null> {
  const { rows } = await shadow.queryOne<{ rows: number }>(
    `SELECT count(*)::float8 AS rows FROM ${staged}`,
    [],
    doingTable(table),
  );
  let [passing, failing] = [0, rows];
  while (failing - passing > 1) {
    const middle = Math.floor((passing + failing) / 2);
    const fails = await failsWith(shadow, attempt, await rowAt(shadow, table, middle, staged));
    if (fails) failing = middle;
    else passing = middle;
  }
  if (failing === 0) return null;
  return (await rowAt(shadow, table, failing - 1, staged))?.key ?? null;
}

interface StagedRow {
  readonly id: string;
  readonly key: (string | null)[];
}

async function rowAt(
  shadow: Session,
  table: MappedTable,
  place: number,
  staged: string,
): Promise<StagedRow | undefined> {
  const key = keyOf(table).map((index) => `s.c${index}::text`);
  const [row] = await shadow.query<StagedRow>(
    `SELECT s.ctid::text AS id, ARRAY[${key.join(', ')}]::text[] AS key FROM ${staged} s ORDER BY s.ctid OFFSET $1 LIMIT 1`,
    [place],
    doingTable(table),
  );
  return row;
}

/** Whether the rows before this one already fail. */
async function failsWith(
  shadow: Session,
  attempt: (where: string) => Promise<unknown>,
  row: StagedRow | undefined,
): Promise<boolean> {
  const undo = new Error('only tried');
  try {
    await inSavepoint(shadow, async () => {
      await attempt(row ? `s.ctid < '${row.id}'::tid` : 'true');
      throw undo;
    });
  } catch (error) {
    if (error === undo) return false;
    if (!isRefusal(error)) throw error;
    return true;
  }
  return false;
}
