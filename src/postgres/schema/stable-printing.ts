import type { Session } from '../session.js';

const doing = 'reading the schema';

/** What decides how PostgreSQL prints names, expressions and constants; and jit, whose compiling takes longer than the reading. */
const printing: Readonly<Record<string, string>> = {
  search_path: 'pg_catalog',
  quote_all_identifiers: 'off',
  standard_conforming_strings: 'on',
  DateStyle: 'ISO',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  jit: 'off',
};

const setSql = `
  WITH wanted AS MATERIALIZED (
    SELECT name, value, current_setting(name) AS was FROM unnest($1::text[], $2::text[]) AS w(name, value))
  SELECT name, was, set_config(name, value, $3) FROM wanted`;

/** Whether statements run in a transaction that was begun before. */
export const isInTransaction = ({ client }: Session): boolean =>
  client.getTransactionStatus() === 'T';

/**
 * Runs work with the settings under which PostgreSQL prints the same everywhere, and puts back what was there. A migration may
 * have set its own (`SET LOCAL search_path`) in the very transaction in which its result is read and recorded.
 */
export async function withStablePrinting<T>(session: Session, work: () => Promise<T>): Promise<T> {
  // In a transaction only for its rest: what was set LOCAL must not outlive it for having been put back.
  const isLocal = isInTransaction(session);
  const names = Object.keys(printing);
  const set = (values: readonly string[]) =>
    session.query<{ name: string; was: string }>(setSql, [names, values, isLocal], doing);
  const rows = await set(Object.values(printing));
  const before = new Map(rows.map(({ name, was }) => [name, was]));
  const putBack = () => set(names.map((name) => before.get(name) ?? ''));
  try {
    const result = await work();
    await putBack();
    return result;
  } catch (error) {
    // An aborted transaction takes its settings back itself.
    await putBack().catch(() => {});
    throw error;
  }
}
