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
  /** Of how many versions the schema is kept; undefined: of all. */
  readonly keep: number | undefined;
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
      const history = await openHistory(target, session, { place });
      return work({ session, history, keep: loaded?.config.migrations?.keep });
    },
  );
}

/** Lets go of the schemas of old versions, where the configuration says how many are kept. */
export async function pruneHistory({
  history,
  keep,
}: Pick<HistoryAccess, 'history' | 'keep'>): Promise<void> {
  if (keep !== undefined) await history.prune(keep);
}
