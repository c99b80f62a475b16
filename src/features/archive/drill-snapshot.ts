import { drillKey } from '../../domain/archive-keys.js';
import type { DrillDifference } from '../../domain/drill.js';
import type { ArchiveManifest, DrillDepth } from '../../domain/manifest.js';
import { reportStep, silentReporter } from '../../domain/reporter.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import type { Store } from '../../store/store.js';
import { recorded, recordedSnapshot } from '../ledger/recorded.js';
import type { Target } from '../target/open-target.js';
import { readTimeline } from '../target/timeline.js';
import type { WorkOptions } from '../target/work.js';
import { majorOf } from './archive-options.js';
import { type Archive, toArchivedSnapshot } from './archives.js';
import { drillArchive, type FinishedDrill } from './drill.js';
import { claimDrillName, dropDrillDatabase } from './drill-claim.js';
import { type DrillServer, withDrillServer } from './drill-server.js';
import { refuseBroken } from './fetch.js';
import { findIdentities, type IdentityOptions, openPlain } from './open-plain.js';
import { chooseRestoreTools } from './restore-tools.js';
import { findEntry, readWholeTimeline } from './whole-timeline.js';

export interface DrillOptions extends WorkOptions, IdentityOptions {
  readonly reference: string;
  /** Also compare a hash of the content of every table, where the archive has them. */
  readonly deep?: boolean | undefined;
  readonly drillServer?: string | undefined;
}

export interface DrillOutcome {
  readonly ok: boolean;
  readonly restore_drill: 'proven' | 'failed';
  readonly differences: readonly DrillDifference[];
  readonly snapshot: Snapshot;
  readonly durationMs: number;
}

/**
 * Restores an archive, read back from the store, into a throwaway PostgreSQL and compares it with what was sealed. The
 * result is kept in the store beside the archive.
 *
 * @example
 * const { ok, differences } = await drillSnapshot(target, { reference: 'pre-deploy-4f3a9c1' });
 * @throws BelayError SNAPSHOT_NOT_FOUND, NEEDS_ARCHIVE, NEEDS_IDENTITY, SEAL_BROKEN, TOOL_MISSING, POSTGRES_NOT_FOUND
 */
export async function drillSnapshot(target: Target, options: DrillOptions): Promise<DrillOutcome> {
  return recorded(
    target,
    'drill',
    options.reporter,
    () => drillFound(target, options),
    ({ snapshot, restore_drill: drill, differences }) => ({
      ...recordedSnapshot(snapshot),
      outcome: drill === 'proven' ? 'done' : 'failed',
      details: { drill, differences: differences.slice(0, 20) },
    }),
  );
}

async function drillFound(target: Target, options: DrillOptions): Promise<DrillOutcome> {
  const startedAt = performance.now();
  const timeline = await readTimeline(target.main, target.database);
  const entry = findEntry(
    await readWholeTimeline(target, timeline, options.signal),
    options.reference,
  );
  const { archive } = entry;
  if (!archive) throw needsArchive(entry.snapshot.tag);
  refuseBroken(archive);
  const store = await target.openStore();
  const { result } = await drillFromStore(target, store, archive, options);
  const { differences, status, at } = result;
  await recordDrill(store, archive, result);
  const drilled = { ...archive, drill: { status, at } };
  return {
    ...{ ok: status === 'proven', restore_drill: status, differences },
    snapshot: toArchivedSnapshot(drilled),
    durationMs: Math.round(performance.now() - startedAt),
  };
}

/** A drilled copy that goes on to be used, on the server where it was restored. */
export interface KeptDrill {
  readonly server: DrillServer;
  readonly database: string;
}

export interface DrillFromStoreOptions extends Omit<DrillOptions, 'reference'> {
  /** Gets the copy if it is proven, and the server lives until it is done. */
  readonly useCopy?: ((copy: KeptDrill) => Promise<void>) | undefined;
}

/** Restores an archive from the store and compares it with its manifest. */
export async function drillFromStore(
  target: Target,
  store: Store,
  { manifest }: Pick<Archive, 'manifest'>,
  options: DrillFromStoreOptions,
): Promise<FinishedDrill> {
  const { signal, reporter = silentReporter } = options;
  const { env } = target;
  const major = majorOf(manifest.snapshot.serverVersion);
  const tools = await chooseRestoreTools(manifest, major, env);
  const identities = await findIdentities(options, env);
  const { tables = 0 } = manifest.snapshot.fingerprint ?? {};
  const { useCopy, drillServer: named } = options;
  const isForPrograms = useCopy !== undefined;
  const server = { major, drillServer: named, objects: tables * 20 + 10_000, isForPrograms };
  return withDrillServer({ ...server, env, signal, reporter }, async (drillServer) => {
    const keepAs = useCopy && (await claimDrillName(drillServer.session, 'rehearsal'));
    const source = await openPlain(store, manifest.archive, { identities, signal });
    const depth: DrillDepth = options.deep && manifest.contentHashes ? 'deep' : 'readback';
    const step = { name: 'drill', detail: manifest.snapshot.tag };
    const sizeBytes = manifest.archive.sizeBytes;
    const drill = await reportStep(reporter, { ...step, sizeBytes }, () =>
      drillArchive({
        ...{ server: drillServer, pgRestore: tools.pgRestore.path, source, depth, keepAs },
        ...{ locale: manifest.locale, requires: manifest.requires, partial: manifest.partial },
        expected: async () => expectationOf(manifest),
        ...{ env, signal, reporter },
      }),
    );
    if (useCopy) await useKept(drillServer, keepAs, drill, useCopy);
    return drill;
  });
}

/** Hands a proven copy on, and removes it afterwards. */
export async function useKept(
  server: DrillServer,
  database: string | undefined,
  { result }: FinishedDrill,
  use: (copy: KeptDrill) => Promise<void>,
): Promise<void> {
  if (database === undefined || result.status !== 'proven') return;
  try {
    await use({ server, database });
  } finally {
    // A private server goes as a whole, and may be gone already.
    if (!server.isPrivate) await dropDrillDatabase(server.session, database).catch(() => {});
  }
}

function expectationOf(manifest: ArchiveManifest) {
  return {
    fingerprint: manifest.snapshot.fingerprint,
    model: null,
    movedSequences: manifest.movedSequences,
    contentHashes: manifest.contentHashes,
    portableChecksum: manifest.portableChecksum,
  };
}

async function recordDrill(
  store: Store,
  { place, manifest }: Archive,
  { differences, ...result }: FinishedDrill['result'],
): Promise<void> {
  const at = result.at ?? new Date().toISOString();
  const key = drillKey(place, manifest.snapshot.id, at, result.status);
  const document = { belay: 1, kind: 'drill', ...result, differences: differences.slice(0, 100) };
  await store.create(key, Buffer.from(`${JSON.stringify(document, null, 2)}\n`));
}

export function needsArchive(tag: string): BelayError {
  return new BelayError('NEEDS_ARCHIVE', `"${tag}" has no archive`, {
    hint: `\`belay push ${tag}\` makes one from its clone.`,
  });
}
