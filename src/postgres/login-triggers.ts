import type { ConnectionSettings } from './connection-settings.js';
import type { Session } from './session.js';

const firstWithLoginTriggers = 170000;

/**
 * The settings for a session that must leave no trace in the database. An event trigger on login that notes who
 * connects would write into a snapshot while it is counted, and the snapshot could never be verified again.
 * Only who may set `event_triggers` can switch them off; for others they run.
 */
export async function withoutLoginTriggers(
  main: Session,
  settings: ConnectionSettings,
  database: string,
): Promise<ConnectionSettings> {
  if (main.serverVersion < firstWithLoginTriggers) return settings;
  const rows = await main.query(
    `SELECT 1 FROM pg_database
      WHERE datname = $1 AND dathasloginevt AND has_parameter_privilege('event_triggers', 'SET')`,
    [database],
    'looking for login triggers',
  );
  if (rows.length === 0) return settings;
  const options = [settings.options, '-c event_triggers=off'].filter((part) => part !== undefined);
  return { ...settings, options: options.join(' ') };
}
