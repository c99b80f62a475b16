import { newSnapshotId } from '../../domain/clone-name.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import {
  databaseExists,
  databaseFlagsSql,
  renameDatabaseSql,
} from '../../postgres/sql/databases.js';
import { acquireTargetLock, releaseTargetLock } from '../../postgres/target-lock.js';
import { throwIfAborted, type Work } from '../target/work.js';
import { readBlueprint } from './blueprint.js';
import { finishTables, withTablesAside } from './build-aside.js';
import { checkSchemas, refuseWholePublications } from './check-survey.js';
import { possibleOutgoing } from './foreign-key-plan.js';
import { besideResult, placeWithKeys, refuseExisting } from './restore-beside.js';
import { lacksTablespaces, restoreEntries, withScratchDatabase } from './scratch.js';
import type { RestoreTablesOrder, RestoreTablesResult } from './table-order.js';
import { withTableSession } from './table-session.js';

type IntoDatabaseOrder = RestoreTablesOrder & { readonly to: string };

/** Puts the tables into another database under their own names; makes the database where there is none. */
export async function restoreIntoDatabase(
  work: Work,
  order: IntoDatabaseOrder,
): Promise<RestoreTablesResult> {
  const { main, target } = work;
  if (order.to === target.database) {
    throw new BelayError('USAGE', `"${order.to}" is the database itself`, {
      hint: 'Leave --to out to restore in place, or use --into-schema NAME.',
    });
  }
  if (!(await databaseExists(main, order.to))) return intoNewDatabase(work, order);
  // Somebody may restore into it as a target of its own.
  await acquireTargetLock(main, order.to, {
    waitMs: order.options.lockWaitMs ?? 30_000,
    signal: work.signal,
    reporter: work.reporter,
  });
  try {
    return await withTableSession(work, order.to, async (session) => {
      await refuseExisting(session, order.tables);
      await refuseWholePublications(session);
      return build(work, order, session);
    });
  } finally {
    await releaseTargetLock(main, order.to).catch(() => {});
  }
}

async function build(
  work: Work,
  order: IntoDatabaseOrder,
  session: Session,
  prepare?: Parameters<typeof readBlueprint>[1]['prepare'],
): Promise<RestoreTablesResult> {
  const { source, tables } = order;
  const id = newSnapshotId();
  const blueprint = await readBlueprint(work, { source, tables, id, like: session, prepare });
  await checkSchemas(session, blueprint);
  const { outgoing, lost } = await possibleOutgoing(session, blueprint);
  const built = await withTablesAside(work, { blueprint, source, session }, async (rows) => {
    await finishTables(work, { session, blueprint, source });
    throwIfAborted(work.signal);
    return { rows, notValid: await placeWithKeys(work, session, blueprint, outgoing) };
  });
  return besideResult(order, {
    ...built,
    ...{ database: order.to, blueprint, places: tables, leftOut: lost },
  });
}

/** The database is there under its name when everything in it is. */
async function intoNewDatabase(work: Work, order: IntoDatabaseOrder): Promise<RestoreTablesResult> {
  const { main, target, timeline } = work;
  const like = timeline.live ? await target.openDatabase(target.database) : main;
  try {
    return await withScratchDatabase(work, like, async (database) => {
      const session = await target.openDatabase(database);
      const result = await build(work, order, session, async (file, contents, { needed }) => {
        const ignoreTablespaces = await lacksTablespaces(main, needed);
        const restore = { database, file, contents, ignoreTablespaces };
        await restoreEntries(work, { ...restore, entries: needed, mustBeWhole: true });
      }).finally(() => session.close());
      await main.transaction(async () => {
        await main.execute(renameDatabaseSql(database, order.to), `naming it "${order.to}"`);
        await main.execute(
          databaseFlagsSql(order.to, { allowConnections: true, connectionLimit: -1 }),
          `opening "${order.to}"`,
        );
      });
      return result;
    });
  } finally {
    if (like !== main) await like.close();
  }
}
