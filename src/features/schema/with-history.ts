import { loadConfig } from '../../config/load-config.js';
import type { Session } from '../../postgres/session.js';
import { openHistory } from '../history/open-history.js';
import type { SchemaHistory } from '../history/schema-history.js';
import { closingSessions } from '../snapshot/read-clone.js';
import type { Target } from '../target/open-target.js';

export interface HistoryAccess {
  /** In the target's database. */
  readonly session: Session;
  readonly history: SchemaHistory;
}

/** Opens a session in the target's database, and its history where the configuration says that it lies. */
export async function withHistory<T>(
  target: Target,
  work: (access: HistoryAccess) => Promise<T>,
): Promise<T> {
  const { cwd, env } = target;
  const loaded = await loadConfig({ cwd, env });
  const place = loaded?.config.migrations?.history ?? 'database';
  return closingSessions(
    () => target.openDatabase(target.database),
    async (open) => {
      const session = await open();
      return work({ session, history: await openHistory(target, session, { place }) });
    },
  );
}
