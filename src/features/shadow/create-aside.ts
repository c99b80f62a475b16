import { BelayError } from '../../errors.js';
import { offersClone } from '../../postgres/copy-database.js';
import { mayShareBlocks } from '../../postgres/data-directory.js';
import { readDatabaseSessions } from '../../postgres/sql/activity.js';
import { databaseSize } from '../../postgres/sql/databases.js';
import { withNewCopy } from '../snapshot/make-copy.js';
import { dataDirectoryOf, type Work } from '../target/work.js';
import { withCopyByTables } from './create-by-tables.js';
import type { MadeShadowCopy, ShadowCopyOrder } from './create-copy.js';

/** Sessions of others wait while a clone is made: up to this size that is taken for short. */
const shortCloneBytes = 256 * 1024 * 1024;

/** Makes the copy in the way that was asked for, and removes it again if anything fails afterwards. */
export async function withShadowCopy<T>(
  work: Work,
  order: ShadowCopyOrder,
  use: (copy: MadeShadowCopy) => Promise<T>,
): Promise<T> {
  const { method = 'auto' } = order.options;
  if (method === 'copy') return withCopyByTables(work, order, [], use);
  if (method === 'clone') return withClone(work, order, use);
  const why = await whyNotClone(work, order);
  if (why !== null) return withCopyByTables(work, order, [why], use);
  let isMade = false;
  try {
    return await withClone(work, order, (copy) => {
      isMade = true;
      return use(copy);
    });
  } catch (error) {
    if (isMade || !isInTheWay(error)) throw error;
    const note = `copied table by table, as a clone was not possible: ${error.message}`;
    work.reporter({ type: 'note', message: note });
    return withCopyByTables(work, order, [note], use);
  }
}

function isInTheWay(error: unknown): error is BelayError {
  const codes = ['SESSIONS_IN_THE_WAY', 'PREPARED_TRANSACTIONS'];
  return error instanceof BelayError && codes.includes(error.code);
}

/** A clone keeps everybody out for as long as it takes. Where somebody is there and it takes long, that is no choice to make for them. */
async function whyNotClone(work: Work, { live, options }: ShadowCopyOrder): Promise<string | null> {
  if (options.sessions !== undefined) return null;
  const sizeBytes = await databaseSize(work.main, live.oid);
  if (sizeBytes !== null && sizeBytes <= shortCloneBytes) return null;
  const sessions = await readDatabaseSessions(work.helper, live.name);
  if (sessions.length === 0) return null;
  const directory = await dataDirectoryOf(work, live.tablespace);
  const canShare = directory?.certain && (await mayShareBlocks(directory.path));
  if (canShare && (await offersClone(work.main))) return null;
  return `copied table by table: "${live.name}" is in use, and a clone would keep its ${sessions.length} session(s) out meanwhile`;
}

async function withClone<T>(
  work: Work,
  { live, options }: ShadowCopyOrder,
  use: (copy: MadeShadowCopy) => Promise<T>,
): Promise<T> {
  const order = {
    ...{ source: live, sizeBytes: null, owner: live.owner, what: live.name },
    policy: options.sessions ?? ('wait' as const),
  };
  // Before the copy: whatever is committed until the target is alone is in it, and is brought over once more at worst.
  const { snapshot } = await work.main.queryOne<{ snapshot: string }>(
    'SELECT pg_current_snapshot()::text AS snapshot',
  );
  const copiedAt = new Date().toISOString();
  return withNewCopy(work, order, ({ database, oid, outageMs }) =>
    use({
      ...{ database, oid, method: 'clone', source: null, snapshot, copiedAt },
      notes: [`"${live.name}" could not be connected to for ${Math.round(outageMs)} ms`],
    }),
  );
}
