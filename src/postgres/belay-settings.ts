import type { Session } from './session.js';

/** What Belay's own statements depend on. The role comes last: a lesser one may not set the others back. */
const settings = {
  search_path: 'pg_catalog, pg_temp',
  row_security: 'off',
  statement_timeout: '0',
  DateStyle: 'ISO',
  IntervalStyle: 'postgres',
  TimeZone: 'UTC',
  extra_float_digits: '1',
  bytea_output: 'hex',
  xmlbinary: 'base64',
  quote_all_identifiers: 'off',
  role: 'none',
} as const;

const doing = 'setting up Belay’s own part of a migration';

interface Setting {
  readonly name: string;
  readonly value: string;
}

/**
 * Runs work in the middle of somebody's transaction under Belay's own settings. What the script has set is there again
 * afterwards, until its transaction ends or, where it was set for longer, after that. Only within a transaction. After a failure
 * nothing is put back: the transaction is lost.
 *
 * @param role who does it: a role, "none" for the one that has connected
 */
export async function withBelaySettings<T>(
  session: Session,
  work: () => Promise<T>,
  { role = 'none' }: { readonly role?: string } = {},
): Promise<T> {
  const names = Object.keys(settings);
  const before = await session.query<Setting>(
    `SELECT name, pg_catalog.current_setting(name) AS value
       FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY AS s (name, place) ORDER BY place`,
    [names],
    doing,
  );
  const own = Object.entries({ ...settings, role }).map(([name, value]) => ({ name, value }));
  await set(session, own.reverse());
  const result = await work();
  await set(session, before);
  return result;
}

/** Only for the transaction: what was set for the session holds again after it. */
async function set(session: Session, list: readonly Setting[]): Promise<void> {
  for (const { name, value } of list) {
    await session.query('SELECT pg_catalog.set_config($1, $2, true)', [name, value], doing);
  }
}
