import { formatBytes } from '../../domain/format-bytes.js';
import type { Store } from '../../store/store.js';
import { readLedgerHead } from '../ledger/head.js';
import { type Archives, toArchivedSnapshot } from './archives.js';
import type { CheckpointResult } from './checkpoint-result.js';

/**
 * What an earlier attempt of a job had sealed before it was ended: the job's result, as if it had come to tell. The caller holds the
 * target's lock and has cleaned the store, so that it is in the ledger.
 * @returns undefined where the job has sealed nothing yet
 */
export async function madeByJob(
  store: Store,
  { own }: Pick<Archives, 'own'>,
  job: string | undefined,
  startedAt: number,
): Promise<CheckpointResult | undefined> {
  const archive = job && own.find(({ manifest }) => manifest.snapshot.job === job);
  const ledger = archive && (await readLedgerHead(store));
  if (!archive || !ledger) return undefined;
  const snapshot = toArchivedSnapshot(archive);
  const { archive: file, drill } = archive.manifest;
  return {
    ok: drill.status !== 'failed',
    tag: snapshot.tag,
    ...{ size: formatBytes(file.sizeBytes), sizeBytes: file.sizeBytes, sha256: file.sha256 },
    restore_drill: drill.status,
    ...{ rows: snapshot.fingerprint?.rows ?? 0, tables: snapshot.fingerprint?.tables ?? 0 },
    snapshot,
    durationMs: Math.round(performance.now() - startedAt),
    differences: [],
    ledger,
  };
}
