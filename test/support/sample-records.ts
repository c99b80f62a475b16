import type { DatabaseProperties } from '../../src/domain/properties.js';
import type { CloneRecord } from '../../src/domain/record.js';
import type { Snapshot } from '../../src/domain/snapshot.js';

/** A snapshot as plain data, for tests of what is decided about it. */
export function sampleSnapshot(changes: Partial<Snapshot> = {}): Snapshot {
  return {
    id: '0123456789ab',
    tag: 'baseline',
    description: '',
    createdAt: '2026-11-20T12:00:00.000Z',
    target: { server: '127.0.0.1:5432', database: 'shop' },
    reason: 'manual',
    git: null,
    copies: [{ type: 'clone', database: 'shop_belay_0123456789abcdef', method: 'wal_log' }],
    fingerprint: null,
    sizeBytes: 8_000_000,
    durationMs: 120,
    protectedUntil: null,
    parent: null,
    serverVersion: 150018,
    ...changes,
  };
}

export function sampleProperties(changes: Partial<DatabaseProperties> = {}): DatabaseProperties {
  return {
    owner: 'app',
    comment: null,
    connectionLimit: -1,
    isTemplate: false,
    grants: null,
    settings: [],
    ...changes,
  };
}

/** A clone's record; `snapshot` changes parts of its snapshot. */
export function sampleRecord(
  changes: Partial<Omit<CloneRecord, 'snapshot'>> & { readonly snapshot?: Partial<Snapshot> } = {},
): CloneRecord {
  const { copies: _copies, ...snapshot } = sampleSnapshot(changes.snapshot);
  return {
    kind: 'snapshot',
    method: 'wal_log',
    copyMs: 80,
    properties: sampleProperties(),
    sourceOid: 16384,
    replacedBy: null,
    restoredAs: [],
    evidence: null,
    ...changes,
    snapshot,
  };
}
