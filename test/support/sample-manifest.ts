import { type ArchiveManifest, notDrilled } from '../../src/domain/manifest.js';
import type { Snapshot } from '../../src/domain/snapshot.js';
import { sampleProperties, sampleSnapshot } from './sample-records.js';

/** A manifest as plain data; `snapshot` changes parts of its snapshot. */
export function sampleManifest(
  changes: Partial<Omit<ArchiveManifest, 'snapshot'>> & {
    readonly snapshot?: Partial<Snapshot>;
  } = {},
): ArchiveManifest {
  const { copies: _copies, ...snapshot } = sampleSnapshot(changes.snapshot);
  return {
    kind: 'archive',
    cluster: '7301',
    archive: {
      key: `shop/7301/archives/${snapshot.id}.dump`,
      sizeBytes: 4_000,
      sha256: 'd'.repeat(64),
      encryption: null,
      pgDump: '15.18',
      source: 'target',
    },
    locale: {
      encoding: 'UTF8',
      collate: 'C.UTF-8',
      ctype: 'C.UTF-8',
      provider: 'libc',
      locale: null,
      icuRules: null,
    },
    properties: sampleProperties(),
    requires: { roles: [], tablespaces: [], extensions: [] },
    portableChecksum: 'e'.repeat(64),
    movedSequences: {},
    contentHashes: null,
    drill: notDrilled,
    ledger: null,
    ...changes,
    snapshot,
  };
}
