import type { Readable } from 'node:stream';
import { archiveKey } from '../../domain/archive-keys.js';
import type { Expectation } from '../../domain/drill.js';
import type { ArchiveManifest, DrillDepth } from '../../domain/manifest.js';
import { notDrilled } from '../../domain/manifest.js';
import type { PartialArchive } from '../../domain/partial-archive.js';
import { reportStep } from '../../domain/reporter.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import type { DumpTools } from '../../process/client-tools.js';
import type { Store } from '../../store/store.js';
import type { Work } from '../target/work.js';
import { drillArchive, type FinishedDrill } from './drill.js';
import type { DrillServer } from './drill-server.js';
import type { Needs } from './facts.js';
import { openPlain } from './open-plain.js';
import { archivePlace } from './place.js';
import { type WrittenArchive, writeArchive } from './write-archive.js';

/** What is to be archived: bytes that pg_restore reads, and what a restore of them must hold. */
export interface ArchiveSource extends Needs {
  readonly bytes: Readable;
  readonly expectedBytes: number | undefined;
  /** Null or left out: the rows of all tables. */
  readonly partial?: PartialArchive | null | undefined;
  /** Asked for when the bytes have ended. */
  readonly expected: () => Promise<Expectation & { readonly portableChecksum: string | null }>;
}

export interface MakeArchiveOrder {
  readonly store: Store;
  readonly id: string;
  readonly source: ArchiveSource;
  readonly tools: DumpTools;
  readonly recipients: readonly string[];
  /** Null: it is sealed and not drilled. */
  readonly drill: {
    readonly server: DrillServer;
    readonly depth: DrillDepth;
    /** See `keepAs` of a drill. */
    readonly keepAs?: string | undefined;
  } | null;
}

export interface MadeArchive {
  readonly file: Omit<ArchiveManifest['archive'], 'pgDump' | 'source'>;
  readonly drill: FinishedDrill | null;
  readonly confirmedBy: WrittenArchive['stored']['confirmedBy'];
}

/** Puts an archive into the store, drilled while it is on its way or read back from there. It is not sealed yet. */
export async function makeArchive(work: Work, order: MakeArchiveOrder): Promise<MadeArchive> {
  const { store, source, recipients, drill } = order;
  const { signal, reporter } = work;
  const place = await archivePlace(work.target);
  const key = archiveKey(place, order.id, recipients.length > 0);
  const isReadback = drill?.depth === 'readback';
  const step = drill && !isReadback ? 'archive and drill' : 'archive';
  const sizeBytes = source.expectedBytes;
  const written = await reportStep(
    reporter,
    { name: step, detail: work.target.database, ...(sizeBytes === undefined ? {} : { sizeBytes }) },
    () =>
      writeArchive({
        ...{ store, key, recipients, signal },
        source: source.bytes,
        expectedBytes: sizeBytes,
        drill: drill && !isReadback ? (plain) => runDrill(work, order, plain) : null,
      }),
  );
  const { stored, plain } = written;
  const encryption =
    recipients.length === 0
      ? null
      : {
          method: 'age' as const,
          recipients,
          plainSizeBytes: plain.sizeBytes,
          plainSha256: plain.sha256,
        };
  const file = { key, sizeBytes: stored.sizeBytes, sha256: stored.sha256, encryption };
  const readBack = isReadback ? await drillReadBack(work, order, file) : null;
  return { file, drill: written.drill ?? readBack, confirmedBy: stored.confirmedBy };
}

function runDrill(work: Work, order: MakeArchiveOrder, plain: Readable): Promise<FinishedDrill> {
  const { source, drill, tools } = order;
  if (!drill) throw new BelayError('BUG', 'nothing was to be drilled');
  return drillArchive({
    ...{ server: drill.server, depth: drill.depth, pgRestore: tools.pgRestore.path, source: plain },
    ...{ locale: source.locale, requires: source.requires, expected: source.expected },
    ...{ partial: source.partial, keepAs: drill.keepAs },
    ...{ env: work.target.env, signal: work.signal, reporter: work.reporter },
  });
}

async function drillReadBack(
  work: Work,
  order: MakeArchiveOrder,
  file: MadeArchive['file'],
): Promise<FinishedDrill> {
  const plain = await openPlain(order.store, file, { identities: null, signal: work.signal });
  return reportStep(work.reporter, { name: 'read back and drill' }, () =>
    runDrill(work, order, plain),
  );
}

/** What a manifest says beside its snapshot and what making the archive has settled. */
export type ManifestFacts = Needs &
  Pick<
    ArchiveManifest,
    'cluster' | 'properties' | 'portableChecksum' | 'contentHashes' | 'movedSequences' | 'partial'
  > &
  Pick<ArchiveManifest['archive'], 'pgDump' | 'source'>;

export function manifestOf(
  snapshot: Omit<Snapshot, 'copies'>,
  { file, drill: finished }: MadeArchive,
  { pgDump, source, ...facts }: ManifestFacts,
): Omit<ArchiveManifest, 'ledger'> {
  const { differences: _, ...drill } = finished?.result ?? { ...notDrilled, differences: [] };
  return { kind: 'archive', snapshot, archive: { ...file, pgDump, source }, ...facts, drill };
}
