import type { Fingerprint } from '../../domain/fingerprint.js';
import type { SequenceRange } from '../../domain/manifest.js';
import type { QualifiedName } from '../../domain/qualified-name.js';
import { reportStep } from '../../domain/reporter.js';
import { readSequenceState } from '../../postgres/fingerprint.js';
import { type FrozenDatabase, freezeDatabase } from '../../postgres/frozen-database.js';
import type { Session } from '../../postgres/session.js';
import { databaseSize } from '../../postgres/sql/databases.js';
import type { DumpTools } from '../../process/client-tools.js';
import type { Store } from '../../store/store.js';
import { closingSessions } from '../snapshot/read-clone.js';
import { nextTime, requireLive } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import type { ArchiveSettings } from './archive-options.js';
import { type ChosenTables, chooseTables, readChosenSequences } from './choose-tables.js';
import type { DrillServer } from './drill-server.js';
import { startDump } from './dump.js';
import {
  expectationOf,
  type Facts,
  movedSequences,
  readChosenFacts,
  readFrozenFacts,
  readNeeds,
} from './facts.js';
import { type MadeArchive, makeArchive } from './make-archive.js';

export interface DumpLiveOrder {
  readonly store: Store;
  readonly tools: DumpTools;
  readonly settings: ArchiveSettings;
  /** Null: no drill. */
  readonly server: DrillServer | null;
  /** Name under which a proven copy stays. */
  readonly keepAs?: string | undefined;
  /** The only tables whose rows are wanted; undefined: all. */
  readonly tables?: readonly QualifiedName[] | undefined;
}

async function withTargetSessions<T>(
  work: Work,
  read: (open: () => Promise<Session>) => Promise<T>,
): Promise<T> {
  const { target } = work;
  return closingSessions(() => target.openDatabase(target.database), read);
}

/** An archive of the live database that is not sealed yet, and what was read beside it. */
export interface Dumped {
  readonly made: MadeArchive;
  readonly facts: Facts;
  readonly moved: Readonly<Record<string, SequenceRange>>;
  readonly createdAt: string;
  readonly needs: Awaited<ReturnType<typeof readNeeds>>;
  /** Null: the whole database. */
  readonly chosen: ChosenTables | null;
}

/**
 * Archives the live database as of one moment, and drills the archive meanwhile if there is a server for it.
 * @param id of the new snapshot
 */
export async function dumpLive(work: Work, order: DumpLiveOrder, id: string): Promise<Dumped> {
  const { store, tools, settings, server, tables, keepAs } = order;
  const { target, signal } = work;
  return withTargetSessions(work, async (open) => {
    const { lockTimeoutMs, idleMs, compression } = settings;
    const frozen = await reportStep(work.reporter, { name: 'freeze' }, async () =>
      freezeDatabase(await open(), { lockTimeoutMs, signal, someTables: tables !== undefined }),
    );
    const createdAt = nextTime(work.timeline);
    const needs = await readNeeds(frozen.session);
    const chosen = tables ? await chooseTables(work, frozen, tables, needs.locale) : null;
    const sequences = await readSequences(frozen, chosen);
    const dump = startDump({
      ...{ pgDump: tools.pgDump.path, settings: target.settings, database: target.database },
      ...{ env: target.env, snapshotName: frozen.snapshotName },
      ...{ compression, lockTimeoutMs, idleMs, signal, more: chosen?.dumpArguments },
    });
    const deep = settings.drill === 'deep';
    const reading = readFacts(work, frozen, open, { sequences, deep, chosen });
    // Without it nothing could be proven: what cannot be counted is not worth dumping.
    reading.catch((error) => dump.stop(error));
    const known = once(async () => {
      const facts = await reading;
      const moved = movedSequences(sequences, await readSequences(frozen, chosen));
      return { facts, moved };
    });
    const made = await makeArchive(work, {
      ...{ store, id, tools, recipients: settings.recipients },
      source: {
        ...needs,
        ...{ bytes: dump.stdout, partial: chosen?.partial ?? null },
        expectedBytes: chosen ? chosen.sizeBytes : await liveSize(work),
        expected: async () => {
          const { facts, moved } = await known();
          return expectationOf(facts, moved);
        },
      },
      drill: server && settings.drill !== false ? { server, depth: settings.drill, keepAs } : null,
    }).catch(async (error) => {
      // Its sessions are about to be closed, and it must not be surprised by that.
      await reading.catch(() => {});
      throw error;
    });
    return { made, ...(await known()), createdAt, needs, chosen };
  });
}

async function liveSize({ main, timeline, target }: Work): Promise<number | undefined> {
  return (await databaseSize(main, requireLive(timeline, target.database).oid)) ?? undefined;
}

type SequenceValues = Fingerprint['sequences'];

function readSequences(
  frozen: FrozenDatabase,
  chosen: ChosenTables | null,
): Promise<SequenceValues> {
  return chosen
    ? readChosenSequences(frozen, chosen)
    : readSequenceState(frozen.session, frozen.within);
}

/** The values of the sequences are those from before the dump: where they have moved, that is said. */
async function readFacts(
  work: Work,
  frozen: FrozenDatabase,
  open: () => Promise<Session>,
  order: { sequences: SequenceValues; deep: boolean; chosen: ChosenTables | null },
): Promise<Facts> {
  const { sequences, deep, chosen } = order;
  const options = { deep, signal: work.signal };
  const facts = chosen
    ? await readChosenFacts(frozen, open, chosen, options)
    : await readFrozenFacts(frozen, open, options);
  return { ...facts, fingerprint: { ...facts.fingerprint, sequences } };
}

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= read();
    return result;
  };
}
