import { createHash, type Hash } from 'node:crypto';
import pg from 'pg';
import type { ProbeRun } from '../../domain/rehearsal.js';
import type { ProbeParameter, SortColumns } from '../../domain/rehearsal-probes.js';
import { mapPostgresError, sqlStateOf } from '../pg-error.js';
import type { Session } from '../session.js';

/** A query of the application. */
export interface ProbeQuery {
  readonly sql: string;
  readonly parameters: readonly ProbeParameter[];
  /** What its rows are ordered by. */
  readonly sortedBy: SortColumns;
}

const doing = 'running a probe';

/**
 * Runs a query in a transaction that is rolled back, and gives what its rows were. They are read one by one and not kept.
 * @param timeoutMs longer is a failure of the query
 * @throws BelayError where the connection is lost
 */
export async function runProbe(
  session: Session,
  query: ProbeQuery,
  timeoutMs: number,
): Promise<ProbeRun> {
  await session.execute(
    `BEGIN; SET LOCAL statement_timeout = ${Math.max(1, Math.round(timeoutMs))}`,
    'beginning a probe',
  );
  const startedAt = performance.now();
  const durationMs = () => Math.round((performance.now() - startedAt) * 100) / 100;
  try {
    const rows = await readRows(session, query);
    return { ...rows, durationMs: durationMs(), error: null };
  } catch (error) {
    const mapped = mapPostgresError(error, doing);
    const sqlState = sqlStateOf(mapped);
    if (sqlState === undefined || mapped.code === 'SERVER_GONE') throw mapped;
    const message = `${sqlState}: ${error instanceof Error ? error.message : mapped.message}`;
    const nothing = { rows: null, columns: null, hash: null };
    return { ...nothing, durationMs: durationMs(), error: message };
  } finally {
    await session.execute('ROLLBACK', 'rolling a probe back').catch(() => {});
  }
}

type Row = readonly (string | null)[];

/** Values as PostgreSQL prints them. */
const asText = { getTypeParser: () => (value: string) => value } as unknown as pg.CustomTypesConfig;

async function readRows(
  session: Session,
  { sql, parameters, sortedBy }: ProbeQuery,
): Promise<Pick<ProbeRun, 'rows' | 'columns' | 'hash'>> {
  const query = new pg.Query({
    ...{ text: sql, rowMode: 'array', types: asText },
    ...(parameters.length > 0 ? { values: [...parameters] } : {}),
  });
  let hash: RowsHash | undefined;
  const done = new Promise<pg.QueryResult>((resolve, reject) => {
    query.on('row', (row: unknown, result) => {
      hash ??= new RowsHash(result?.fields.map(({ name }) => name) ?? [], sortedBy);
      hash.add(row as Row);
    });
    query.on('end', resolve);
    query.on('error', reject);
  });
  session.client.query(query);
  const { fields, rowCount } = await done;
  const columns = fields.map(({ name }) => name);
  hash ??= new RowsHash(columns, sortedBy);
  // What gives no rows says how many it has changed.
  if (columns.length === 0) hash.addCount(rowCount);
  return {
    rows: columns.length === 0 ? rowCount : hash.count,
    columns: columns.length === 0 ? null : columns,
    hash: hash.digest(),
  };
}

const modulus = 1n << 256n;

/**
 * A hash of rows whatever their order (a sum of hashes), and of their order as far as the query has one: of the columns that it sorts by, as
 * rows alike there may come in any order; of whole rows where it sorts by what it does not give.
 */
class RowsHash {
  count = 0;
  #sum = 0n;
  readonly #order: Hash | undefined;
  readonly #sortedBy: readonly number[] | undefined;

  constructor(columns: readonly string[], sortedBy: SortColumns) {
    if (sortedBy === null) return;
    this.#order = createHash('sha256');
    const places = sortedBy?.map((one) => placeOf(one, columns));
    this.#sortedBy = places?.every((one) => one !== undefined) ? places : undefined;
  }

  add(row: Row): void {
    this.count += 1;
    const whole = encode(row);
    const digest = createHash('sha256').update(whole).digest('hex');
    this.#sum = (this.#sum + BigInt(`0x${digest}`)) % modulus;
    const sorted = this.#sortedBy?.map((at) => row[at] ?? null);
    this.#order?.update(sorted ? encode(sorted) : whole);
  }

  addCount(count: number | null): void {
    this.#sum = BigInt(count ?? 0);
  }

  digest(): string {
    const order = this.#order?.digest('hex') ?? '';
    return createHash('sha256').update(`${this.count} ${this.#sum} ${order}`).digest('hex');
  }
}

/** Undefined: not to be found, or not the only one of its name. */
function placeOf(column: number | string, columns: readonly string[]): number | undefined {
  if (typeof column === 'number') return column <= columns.length ? column - 1 : undefined;
  const at = columns.indexOf(column);
  return at >= 0 && at === columns.lastIndexOf(column) ? at : undefined;
}

/** So that no two rows are written alike. */
const encode = (row: Row): string =>
  row.map((value) => (value === null ? '-' : `${value.length}:${value}`)).join('');
