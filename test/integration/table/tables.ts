import { cloneSource } from '../../../src/features/table/clone-source.js';
import { restoreTables } from '../../../src/features/table/restore-tables.js';
import type {
  RestoreTablesOptions,
  RestoreTablesResult,
} from '../../../src/features/table/table-order.js';
import type { Target } from '../../../src/features/target/open-target.js';
import { findClone } from '../../../src/features/target/timeline.js';
import { takeSnapshot } from '../../../src/index.js';
import { readSchemaModel } from '../../../src/postgres/schema/read-schema-model.js';
import { openSession } from '../../support/open-session.js';
import { testServers } from '../../support/servers.js';
import { withTarget } from '../../support/targets.js';

/** pg_dump and pg_restore are needed, of the server's own version. */
export const dumpServers = () => testServers().filter(({ major }) => major < 18);

export const snapshot = (url: string, tag = 'good') =>
  withTarget(url, (target) => takeSnapshot(target, { tag }));

export const restoreFrom = (
  target: Target,
  options: RestoreTablesOptions,
  tag = 'good',
): Promise<RestoreTablesResult> =>
  restoreTables(target, async (work) => cloneSource(work, findClone(work.timeline, tag)), options);

export const restore = (url: string, options: RestoreTablesOptions, tag = 'good') =>
  withTarget(url, (target) => restoreFrom(target, options, tag));

/** Every object of the database that has to do with what is not Belay's, as text. */
export async function schemaOf(url: string): Promise<string[]> {
  const session = await openSession(url);
  try {
    const { objects } = await readSchemaModel(session);
    return objects
      .filter(({ name }) => !/(^|\W)belay_/.test(name))
      .map(({ kind, name, definition }) => `${kind} ${name}\n${definition}`);
  } finally {
    await session.close();
  }
}
