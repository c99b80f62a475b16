import { cloneName, newSnapshotId } from '../../domain/clone-name.js';
import { estimateCopy } from '../../domain/copy-strategy.js';
import type { SessionPolicy } from '../../domain/database-session.js';
import { reportStep } from '../../domain/reporter.js';
import {
  type CopyResult,
  checkSpace,
  copyDatabase,
  planCopy,
} from '../../postgres/copy-database.js';
import { checkCanCopy } from '../../postgres/rights.js';
import { type DatabaseRow, databaseSize } from '../../postgres/sql/databases.js';
import { dropBelayDatabase } from '../target/leftovers.js';
import { dataDirectoryOf, type Work } from '../target/work.js';

export interface CopyOrder {
  readonly source: DatabaseRow;
  /** Size of the source where it is known already. */
  readonly sizeBytes: number | null;
  readonly owner: string;
  readonly policy: SessionPolicy;
  /** What is copied, for people: the database or the snapshot's tag. */
  readonly what: string;
}

export interface MadeCopy extends CopyResult {
  readonly id: string;
  readonly oid: number;
  readonly database: string;
}

/**
 * Copies a database of the server into a new closed one under a clone's name, and gives it to `use`.
 * If anything fails afterwards the copy is removed again.
 */
export async function withNewCopy<T>(
  work: Work,
  order: CopyOrder,
  use: (copy: MadeCopy) => Promise<T>,
): Promise<T> {
  const { main } = work;
  await checkCanCopy(main, order.source);
  const id = newSnapshotId();
  const database = cloneName(work.target.database, id);
  try {
    const copy = await makeCopy(work, order, database);
    work.signal?.throwIfAborted();
    const { oid } = await main.queryOne<{ oid: number }>(
      'SELECT oid::int8::float8 AS oid FROM pg_database WHERE datname = $1',
      [database],
    );
    return await use({ id, oid, database, ...copy });
  } catch (error) {
    // With the connection gone this fails too; then the next command or `belay repair` removes it.
    await dropBelayDatabase(main, database).catch(() => {});
    throw error;
  }
}

async function makeCopy(work: Work, order: CopyOrder, name: string): Promise<CopyResult> {
  const { main, helper, signal } = work;
  const sizeBytes = order.sizeBytes ?? (await databaseSize(main, order.source.oid));
  const plan = await planCopy(main, sizeBytes);
  const dataDirectory = await dataDirectoryOf(work, order.source.tablespace);
  await checkSpace(dataDirectory, sizeBytes, plan);
  const expected =
    sizeBytes === null ? {} : { sizeBytes, ...estimateCopy(sizeBytes, plan, earlierCopies(work)) };
  const request = {
    ...{ main, helper, signal, name, sizeBytes, dataDirectory },
    ...{ source: order.source.name, owner: order.owner, policy: order.policy },
    patienceMs: work.sessionsWaitMs,
  };
  return reportStep(work.reporter, { name: 'copy', detail: order.what, ...expected }, () =>
    copyDatabase(request, plan),
  );
}

function earlierCopies(work: Work) {
  return work.timeline.clones.map(({ record }) => ({
    method: record.method,
    copyMs: record.copyMs,
    sizeBytes: record.snapshot.sizeBytes,
    createdAt: record.snapshot.createdAt,
  }));
}
