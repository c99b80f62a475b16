import { expect } from 'vitest';

const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);

/** The fields of a snapshot that scripts may rely on, with their types. `changes` says more about some. */
export function snapshotShape(changes: Record<string, unknown> = {}) {
  return {
    id: expect.stringMatching(/^[0-9a-z]{12}$/),
    tag: expect.any(String),
    description: expect.any(String),
    createdAt: time,
    target: { server: expect.any(String), database: expect.any(String) },
    reason: expect.stringMatching(/^(manual|auto|before-restore|before-migration|schedule)$/),
    git: null,
    copies: [
      {
        type: 'clone',
        database: expect.any(String),
        method: expect.stringMatching(/^(reflink|file_copy|wal_log|rename)$/),
      },
    ],
    fingerprint: {
      schemaChecksum: expect.stringMatching(/^[0-9a-f]{64}$/),
      tables: expect.any(Number),
      rows: expect.any(Number),
      rowCounts: expect.any(Object),
    },
    sizeBytes: expect.any(Number),
    durationMs: expect.any(Number),
    protectedUntil: null,
    ...changes,
  };
}
