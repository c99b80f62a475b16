import type { Session } from '../../postgres/session.js';
import type { Work } from '../target/work.js';
import { cleanTableLeftovers } from './table-leftovers.js';

/**
 * A session in a database that tables go to, cleaned of what an earlier run left there. An abort cancels what it runs.
 */
export async function withTableSession<T>(
  work: Work,
  database: string,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await work.target.openDatabase(database);
  const cancel = () => {
    work.helper.query('SELECT pg_cancel_backend($1)', [session.pid]).catch(() => {});
  };
  work.signal?.addEventListener('abort', cancel);
  try {
    for (const { schema, detail } of await cleanTableLeftovers(session)) {
      work.reporter({ type: 'note', message: `cleaned up schema "${schema}": ${detail}` });
    }
    return await use(session);
  } finally {
    work.signal?.removeEventListener('abort', cancel);
    await session.close();
  }
}
