import type { Readable } from 'node:stream';
import {
  compareRestored,
  type DrillDifference,
  type DrillResult,
  type Expectation,
  type Restored,
} from '../../domain/drill.js';
import type { DatabaseLocale, DrillDepth, Requirements } from '../../domain/manifest.js';
import { narrow, narrowFingerprint, type PartialArchive } from '../../domain/partial-archive.js';
import { type Reporter, reportStep } from '../../domain/reporter.js';
import { portableChecksum } from '../../domain/schema-model.js';
import { BelayError, toBelayError } from '../../errors.js';
import { readContentHashes } from '../../postgres/content-hash.js';
import { readFingerprint } from '../../postgres/fingerprint.js';
import { sqlStateOf } from '../../postgres/pg-error.js';
import { readRequirements } from '../../postgres/requirements.js';
import type { Session } from '../../postgres/session.js';
import { renameDatabaseSql } from '../../postgres/sql/databases.js';
import { closingSessions } from '../snapshot/read-clone.js';
import { type DrillServer, drillSession, withDrillDatabase } from './drill-server.js';
import { restoreInto } from './restore-into.js';

export interface DrillOrder {
  readonly server: DrillServer;
  /** Path of pg_restore. */
  readonly pgRestore: string;
  /** The bytes of the archive, decrypted. Read to its end, also when the drill fails early. */
  readonly source: Readable;
  readonly locale: DatabaseLocale;
  readonly requires: Requirements;
  readonly depth: DrillDepth;
  /** Of an archive with the rows of some tables only: what is to be compared. */
  readonly partial?: PartialArchive | null | undefined;
  /** Asked for after the restore: the source may still be counted while its archive is restored. */
  readonly expected: () => Promise<Expectation & { readonly portableChecksum: string | null }>;
  /** A proven copy stays, under this name, for its caller to use and remove. */
  readonly keepAs?: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
  readonly reporter: Reporter;
}

export interface FinishedDrill {
  readonly result: DrillResult;
  /** What the restored copy held; null where it could not be restored. */
  readonly restored: Restored | null;
}

/**
 * Restores an archive into a database of its own and compares it with what its source held. A difference, or a
 * restore that fails, is a result and not an error: the archive is then not proven.
 * @throws BelayError INTERRUPTED, TERMINATED, and what the source of the bytes throws
 */
export async function drillArchive(order: DrillOrder): Promise<FinishedDrill> {
  const startedAt = performance.now();
  const finish = (differences: readonly DrillDifference[], restored: Restored | null) => ({
    restored,
    result: {
      status: differences.length === 0 ? ('proven' as const) : ('failed' as const),
      at: new Date().toISOString(),
      depth: order.depth,
      serverVersion: order.server.session.serverVersion,
      durationMs: Math.round(performance.now() - startedAt),
      differences,
    },
  });
  let sourceError: unknown;
  order.source.once('error', (error) => {
    sourceError = error;
  });
  try {
    return await restoreAndRead(order, async (restored, database) => {
      const differences = await compare(order, restored);
      if (order.keepAs !== undefined && differences.length === 0) {
        const { session } = order.server;
        await session.execute(
          renameDatabaseSql(database, order.keepAs),
          'keeping the drilled copy',
        );
      }
      return finish(differences, restored);
    });
  } catch (error) {
    // An archive that is not whole proves nothing about drills: its own error is the one to tell.
    if (sourceError) throw sourceError;
    if (order.signal?.aborted) throw error;
    return finish([whyNotRestored(error)], null);
  } finally {
    // Whoever writes the store reads the same bytes: they must go on.
    order.source.resume();
  }
}

async function restoreAndRead<T>(
  order: DrillOrder,
  use: (restored: Restored, database: string) => Promise<T>,
): Promise<T> {
  const { server, locale, requires, reporter } = order;
  return withDrillDatabase(server, { locale, requires, reporter }, async (database) => {
    const restored = await closingSessions(
      () => drillSession(server, database),
      async (open) => {
        const session = await open();
        if (order.partial && order.partial.unchecked.length > 0) await requireReplicaRole(session);
        await restoreInto({
          ...{ session, database, requires, settings: server.settings },
          ...{ pgRestore: order.pgRestore, env: order.env, source: order.source },
          ...{ noOwner: !server.isPrivate, isThrowaway: server.isPrivate },
          unchecked: order.partial?.unchecked,
          ...{ signal: order.signal, reporter },
        });
        return reportStep(reporter, { name: 'compare' }, async () => {
          const read = await readFingerprint(open, { signal: order.signal });
          const contentHashes =
            order.depth === 'deep' ? await readContentHashes(open, { signal: order.signal }) : null;
          return { ...read, contentHashes, requires: await readRequirements(session) };
        });
      },
    );
    return use(restored, database);
  });
}

/**
 * Rows that refer to rows which are not in the archive can only be restored by a session that checks no foreign keys.
 * @throws BelayError PERMISSION_DENIED
 */
async function requireReplicaRole(session: Session): Promise<void> {
  try {
    await session.execute(
      'SET session_replication_role = replica; RESET session_replication_role',
      'preparing the restore',
    );
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
    throw new BelayError(
      'PERMISSION_DENIED',
      'the role on the drill server may not set session_replication_role, and the archive has rows that refer to rows of other tables; leave --drill-server out, or name a superuser',
      { cause: error },
    );
  }
}

/** On a server of the user's the roles are others, so owners and grants are left out of what is compared. */
async function compare(order: DrillOrder, whole: Restored): Promise<DrillDifference[]> {
  const expected = await order.expected();
  const restored = order.partial ? narrowRestored(order.partial, expected, whole) : whole;
  if (order.server.isPrivate) return compareRestored(expected, restored);
  const differences = compareRestored(expected, restored).filter(({ what }) => what !== 'schema');
  const actual = portableChecksum(restored.model);
  if (expected.portableChecksum === null || expected.portableChecksum === actual)
    return differences;
  const schema = { what: 'schema' as const, name: 'schema', expected: expected.portableChecksum };
  return [{ ...schema, actual }, ...differences];
}

/** Tables whose rows the archive does not hold are there, and empty: that says nothing about it. */
function narrowRestored(
  { dataOf }: PartialArchive,
  { fingerprint }: Expectation,
  restored: Restored,
): Restored {
  const sequences = Object.keys(fingerprint?.sequences ?? {});
  const { contentHashes } = restored;
  return {
    ...restored,
    fingerprint: narrowFingerprint(restored.fingerprint, { tables: dataOf, sequences }),
    contentHashes: contentHashes && narrow(contentHashes, dataOf),
  };
}

function whyNotRestored(thrown: unknown): DrillDifference {
  const error = toBelayError(thrown);
  const isExtension = error instanceof BelayError && error.code === 'EXTENSION_MISSING';
  return {
    what: isExtension ? 'extension' : 'restore',
    name: isExtension ? 'extensions' : 'archive',
    expected: 'a whole restore',
    actual: error.message,
  };
}
