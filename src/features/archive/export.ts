import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { link, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { nameTables } from '../../domain/partial-archive.js';
import { reportStep } from '../../domain/reporter.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { BelayError } from '../../errors.js';
import { chooseDumpTools } from '../../process/client-tools.js';
import { recorded, recordedSnapshot } from '../ledger/recorded.js';
import { ensureCounted } from '../snapshot/count-previous.js';
import { readingClone } from '../snapshot/read-clone.js';
import { verifyUnchanged } from '../snapshot/verify.js';
import type { Target } from '../target/open-target.js';
import type { Clone } from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import { checkArchiveOptions, majorOf } from './archive-options.js';
import type { Archive } from './archives.js';
import { startDump } from './dump.js';
import { refuseBroken } from './fetch.js';
import { findIdentities, type IdentityOptions, openPlain } from './open-plain.js';
import { findEntry, readWholeTimeline } from './whole-timeline.js';

export interface ExportOptions extends WorkOptions, IdentityOptions {
  readonly reference: string;
  /** Path of the new file. */
  readonly file: string;
}

export interface ExportResult {
  readonly ok: true;
  readonly snapshot: Snapshot;
  /** Absolute path. */
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/**
 * Writes a snapshot to a file of pg_dump's custom format, decrypted: `pg_restore` alone can read it. From its archive,
 * else from its clone.
 *
 * @example
 * await exportSnapshot(target, { reference: 'baseline', file: 'shop.dump' });
 * @throws BelayError FILE_ERROR where the file exists, SNAPSHOT_NOT_FOUND, NEEDS_IDENTITY, SEAL_BROKEN
 */
export async function exportSnapshot(
  target: Target,
  options: ExportOptions,
): Promise<ExportResult> {
  const file = resolve(target.cwd, options.file);
  await refuseExisting(file);
  return recorded(
    target,
    'export',
    options.reporter,
    () => underLock(target, options, (work) => exportFound(work, options, file)),
    ({ snapshot, sha256, sizeBytes }) => ({
      ...recordedSnapshot(snapshot),
      details: { sha256, sizeBytes },
    }),
  );
}

async function exportFound(
  work: Work,
  options: ExportOptions,
  file: string,
): Promise<ExportResult> {
  const whole = await readWholeTimeline(work.target, work.timeline, work.signal);
  const { clone, archive, snapshot } = findEntry(whole, options.reference);
  const write = (source: Readable) =>
    reportStep(work.reporter, { name: 'export', detail: snapshot.tag }, () =>
      writeNew(file, source, work.signal),
    );
  if (archive) {
    refuseBroken(archive);
    warnOfPart(work, archive);
    const identities = await findIdentities(options, work.target.env);
    const store = await work.target.openStore();
    const { signal } = work;
    const source = await openPlain(store, archive.manifest.archive, { identities, signal });
    return { ok: true, snapshot, file, ...(await write(source)) };
  }
  return { ok: true, snapshot, file, ...(await dumpTo(work, clone as Clone, write)) };
}

/** In the file nothing but missing rows says so. */
function warnOfPart({ reporter }: Work, { manifest: { partial, snapshot } }: Archive): void {
  if (!partial) return;
  const message = `"${snapshot.tag}" holds the rows of ${nameTables(partial.dataOf)} only: pg_restore makes all other tables, and leaves them empty`;
  reporter({ type: 'warning', message });
}

async function dumpTo<T>(
  work: Work,
  found: Clone,
  write: (source: Readable) => Promise<T>,
): Promise<T> {
  const clone = await ensureCounted(work, found);
  await verifyUnchanged(work, clone);
  const { target, signal } = work;
  const { compression, lockTimeoutMs, idleMs } = await checkArchiveOptions({}, false);
  const tools = await chooseDumpTools(majorOf(work.main.serverVersion), target.env);
  const database = clone.database.name;
  return readingClone(work, database, () =>
    write(
      startDump({
        ...{ pgDump: tools.pgDump.path, settings: target.settings, database, env: target.env },
        ...{ compression, lockTimeoutMs, idleMs, signal },
      }).stdout,
    ),
  );
}

async function refuseExisting(file: string): Promise<void> {
  const exists = await stat(file).then(
    () => true,
    () => false,
  );
  if (!exists) return;
  throw new BelayError('FILE_ERROR', `${file} exists already`, {
    hint: 'Name a new file: Belay overwrites none.',
  });
}

/** Written aside, and linked when it is whole: the name never stands for half a file. */
async function writeNew(
  file: string,
  source: Readable,
  signal: AbortSignal | undefined,
): Promise<{ sizeBytes: number; sha256: string }> {
  const part = `${file}.part-${randomBytes(4).toString('hex')}`;
  const hash = createHash('sha256');
  let sizeBytes = 0;
  try {
    await pipeline(
      source,
      async function* (chunks: AsyncIterable<Buffer>) {
        for await (const chunk of chunks) {
          hash.update(chunk);
          sizeBytes += chunk.length;
          yield chunk;
        }
      },
      createWriteStream(part, { mode: 0o600, flags: 'wx', flush: true }),
      signal ? { signal } : {},
    );
    await link(part, file);
    return { sizeBytes, sha256: hash.digest('hex') };
  } catch (error) {
    throw fileError(file, error);
  } finally {
    await rm(part, { force: true });
  }
}

function fileError(file: string, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof BelayError || code === undefined || code === 'ABORT_ERR') return error;
  const what = code === 'ENOSPC' ? 'DISK_FULL' : 'FILE_ERROR';
  return new BelayError(what, `cannot write ${file}: ${(error as Error).message}`, {
    hint: `Is ${dirname(file)} a folder that you may write to, with room for it?`,
    cause: error,
  });
}
