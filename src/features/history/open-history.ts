import type { Session } from '../../postgres/session.js';
import { readMoment } from '../../postgres/sql/history.js';
import { archivePlace } from '../archive/place.js';
import type { Target } from '../target/open-target.js';
import { openDatabaseHistory } from './database-history.js';
import type { SchemaHistory } from './schema-history.js';
import { openStoreHistory } from './store-history.js';

export interface OpenHistoryOptions {
  /** Default "database". */
  readonly place?: SchemaHistory['kind'] | undefined;
  /** Of the schema in the database; default "belay". */
  readonly schemaName?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The history of a target's schema, where the configuration wants it.
 * @param session on the target's own database: what is appended is part of its transaction
 * @throws BelayError as the store does, where the history lies there
 */
export async function openHistory(
  target: Target,
  session: Session,
  options: OpenHistoryOptions = {},
): Promise<SchemaHistory> {
  const { place = 'database', schemaName, signal } = options;
  if (place === 'database') {
    return openDatabaseHistory(session, { database: target.database, schemaName });
  }
  const { role } = await readMoment(session);
  return openStoreHistory(await target.openStore(), await archivePlace(target), { role, signal });
}
