import { describeDifference } from '../../domain/drill.js';
import type { ArchiveManifest } from '../../domain/manifest.js';
import { portableChecksum } from '../../domain/schema-model.js';
import { BelayError } from '../../errors.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import type { DumpTools } from '../../process/client-tools.js';
import type { Store } from '../../store/store.js';
import { ensureCounted } from '../snapshot/count-previous.js';
import { readingClone } from '../snapshot/read-clone.js';
import { verifyUnchanged } from '../snapshot/verify.js';
import type { Clone } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import { type ArchiveSettings, majorOf } from './archive-options.js';
import { type DrillServer, withDrillServer } from './drill-server.js';
import { startDump } from './dump.js';
import { readNeeds } from './facts.js';
import { type MadeArchive, makeArchive, manifestOf } from './make-archive.js';
import { archivePlace } from './place.js';
import { withRunMark } from './run-mark.js';
import {
  commitManifest,
  recordSealed,
  refuseTakenTag,
  type Sealed,
  type SealOrder,
} from './seal.js';

export interface ArchiveCloneOrder {
  readonly store: Store;
  readonly tools: DumpTools;
  readonly settings: ArchiveSettings;
  /** What the ledger calls it. */
  readonly action: SealOrder['action'];
}

/**
 * Makes an archive from a clone: the same snapshot under the same tag, without a touch of the live database.
 * @throws BelayError NOT_PROVEN where a drill was wanted and failed; nothing is sealed then
 */
export async function archiveClone(
  work: Work,
  found: Clone,
  order: ArchiveCloneOrder,
): Promise<Sealed> {
  const { settings, store, action } = order;
  const { target, main, signal, reporter } = work;
  const place = await archivePlace(target);
  await refuseTakenTag(store, place, found.record.snapshot.tag, signal);
  const clone = await ensureCounted(work, found);
  await verifyUnchanged(work, clone);
  const { lockUntil } = settings;
  const mark = { store, place, id: clone.record.snapshot.id, main, action, lockUntil, signal };
  const run = (server: DrillServer | null) =>
    withRunMark(mark, () => dumpAndSeal(work, clone, order, server));
  if (settings.drill === false) return run(null);
  const { tables = 0 } = clone.record.snapshot.fingerprint ?? {};
  const wanted = { major: majorOf(main.serverVersion), drillServer: settings.drillServer };
  const server = { ...wanted, objects: tables * 20 + 10_000, env: target.env, signal, reporter };
  return withDrillServer(server, run);
}

async function dumpAndSeal(
  work: Work,
  clone: Clone,
  order: ArchiveCloneOrder,
  server: DrillServer | null,
): Promise<Sealed> {
  const { store, action, settings } = order;
  const place = await archivePlace(work.target);
  const { made, manifest } = await dumpClone(work, clone, order, server);
  const { lockUntil } = settings;
  const seal = { store, place, manifest, action, lockUntil, signal: work.signal };
  refuseFailedDrill(manifest.snapshot.tag, made);
  const sealed = await commitManifest(seal);
  await recordSealed(seal, sealed);
  return sealed;
}

/** @throws BelayError NOT_PROVEN */
function refuseFailedDrill(tag: string, { drill }: MadeArchive): void {
  if (drill?.result.status !== 'failed') return;
  const { differences } = drill.result;
  const shown = differences.slice(0, 3).map(describeDifference).join('; ');
  throw new BelayError('NOT_PROVEN', `the archive of "${tag}" did not pass its drill: ${shown}`, {
    hint: 'No archive was kept; the clone is as it was.',
    details: { differences },
  });
}

async function dumpClone(
  work: Work,
  { database, record }: Clone,
  { store, tools, settings }: ArchiveCloneOrder,
  server: DrillServer | null,
): Promise<{ made: MadeArchive; manifest: Omit<ArchiveManifest, 'ledger'> }> {
  const { target, signal } = work;
  const { fingerprint, id, sizeBytes } = record.snapshot;
  const { cluster } = await archivePlace(target);
  return readingClone(work, database.name, async (open) => {
    const session = await open();
    const needs = await readNeeds(session);
    const model = await readSchemaModel(session);
    const portable = portableChecksum(model);
    const { compression, lockTimeoutMs, idleMs } = settings;
    const dump = startDump({
      ...{ pgDump: tools.pgDump.path, settings: target.settings, database: database.name },
      ...{ env: target.env, compression, lockTimeoutMs, idleMs, signal },
    });
    const expected = { fingerprint, model, movedSequences: {}, contentHashes: null };
    const made = await makeArchive(work, {
      ...{ store, id, tools, recipients: settings.recipients },
      source: {
        ...{ ...needs, bytes: dump.stdout, expectedBytes: sizeBytes },
        expected: async () => ({ ...expected, portableChecksum: portable }),
      },
      drill: server && settings.drill !== false ? { server, depth: settings.drill } : null,
    });
    const facts = { ...needs, cluster, properties: record.properties, contentHashes: null };
    const origin = { pgDump: tools.pgDump.version, source: 'clone' as const };
    return {
      made,
      manifest: manifestOf(record.snapshot, made, {
        ...{ ...facts, ...origin, portableChecksum: portable, movedSequences: {} },
      }),
    };
  });
}
