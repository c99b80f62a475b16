import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { newSnapshotId } from '../../domain/clone-name.js';
import { describeDifference } from '../../domain/drill.js';
import type { Requirements } from '../../domain/manifest.js';
import { nameTables, tablesWithoutData } from '../../domain/partial-archive.js';
import { reportStep } from '../../domain/reporter.js';
import { portableChecksum } from '../../domain/schema-model.js';
import type { Snapshot } from '../../domain/snapshot.js';
import { validateTag } from '../../domain/tag.js';
import { BelayError } from '../../errors.js';
import type { DumpTools } from '../../process/client-tools.js';
import { readGitState } from '../../process/git.js';
import { checkTagIsFree } from '../snapshot/take.js';
import type { Target } from '../target/open-target.js';
import { nextTime } from '../target/timeline.js';
import { underLock, type Work, type WorkOptions } from '../target/work.js';
import {
  type ArchiveOptions,
  type ArchiveSettings,
  checkArchiveOptions,
  prepareToArchive,
} from './archive-options.js';
import { withDrillServer } from './drill-server.js';
import { type FileFacts, readFileFacts } from './file-facts.js';
import { type MadeArchive, makeArchive, manifestOf } from './make-archive.js';
import { archivePlace } from './place.js';
import { type MovedArchive, moved } from './push.js';
import { readArchiveHead } from './read-archive-head.js';
import { withRunMark } from './run-mark.js';
import { commitManifest, recordSealed } from './seal.js';

export interface ImportOptions
  extends WorkOptions,
    Pick<ArchiveOptions, 'drillServer' | 'lockDays' | 'encryptTo'> {
  /** A file of pg_dump's custom format, by Belay or not. */
  readonly file: string;
  readonly tag: string;
  readonly description?: string | undefined;
}

/**
 * Takes a file of `pg_dump -Fc` into the store as an archive. It is restored once, because that is how one
 * finds out what is in it: "proven" then means that it restores, and its rows are the ones that were counted there.
 *
 * @example
 * await importArchive(target, { file: 'production.dump', tag: 'from-production' });
 * @throws BelayError NOT_AN_ARCHIVE, NOT_PROVEN, TAG_EXISTS, TOOL_MISSING, POSTGRES_NOT_FOUND
 */
export async function importArchive(target: Target, options: ImportOptions): Promise<MovedArchive> {
  validateTag(options.tag);
  const settings = await checkArchiveOptions(options, 'counts');
  const file = resolve(target.cwd, options.file);
  const sizeBytes = await sizeOf(file);
  return underLock(target, options, async (work) => {
    await checkTagIsFree(work, options.tag);
    const store = await target.openStore();
    const { tools } = await prepareToArchive(target, store, settings, work.signal);
    const facts = await readFileFacts(file, tools, target.env, work.signal);
    const id = newSnapshotId();
    const place = await archivePlace(target);
    const { lockUntil } = settings;
    const run = { store, place, id, main: work.main, action: 'import', lockUntil };
    await withRunMark({ ...run, signal: work.signal }, () =>
      importFile(work, { options, settings, tools, file, sizeBytes, facts, id }),
    );
    return moved(work, store, id);
  });
}

interface ImportOrder {
  readonly options: ImportOptions;
  readonly settings: ArchiveSettings;
  readonly tools: DumpTools;
  readonly file: string;
  readonly sizeBytes: number;
  readonly facts: FileFacts;
  readonly id: string;
}

async function importFile(work: Work, order: ImportOrder): Promise<void> {
  const startedAt = performance.now();
  const { settings, facts, tools, id, sizeBytes } = order;
  const { target, reporter, signal } = work;
  const store = await target.openStore();
  const { drillServer } = settings;
  const server = { major: facts.major, drillServer, objects: facts.entries * 2 };
  const made = await withDrillServer({ ...server, env: target.env, signal, reporter }, (drill) =>
    makeArchive(work, {
      ...{ store, id, tools, recipients: settings.recipients },
      drill: { server: drill, depth: 'counts' },
      source: {
        ...{ locale: facts.locale, requires: facts.requires, expectedBytes: sizeBytes },
        bytes: createReadStream(order.file),
        expected: async () => ({
          ...{ fingerprint: null, model: null, movedSequences: {}, contentHashes: null },
          portableChecksum: null,
        }),
      },
    }),
  );
  await warnOfPart(work, order, made);
  const place = await archivePlace(target);
  const durationMs = Math.round(performance.now() - startedAt);
  const manifest = await describeImport(work, order, made, durationMs);
  const seal = { store, place, manifest, action: 'import', lockUntil: settings.lockUntil, signal };
  await reportStep(reporter, { name: 'seal' }, async () => {
    const sealed = await commitManifest(seal);
    await recordSealed(seal, sealed);
  });
}

/** Restored in place of a database, such a file would empty tables: that has to be known. */
async function warnOfPart(work: Work, { file }: ImportOrder, made: MadeArchive): Promise<void> {
  // What pg_restore can read may still be of a format that is not read here.
  const head = await readArchiveHead(createReadStream(file)).catch(() => null);
  if (!head) return;
  const tables = Object.keys(made.drill?.restored?.fingerprint.rowCounts ?? {});
  const empty = tablesWithoutData(head.contents, tables);
  if (empty.length === 0) return;
  const message = `${file} holds no rows of ${nameTables(empty)}: a restore of it leaves them empty`;
  work.reporter({ type: 'warning', message });
}

async function describeImport(
  work: Work,
  { options, facts, id, sizeBytes, settings }: ImportOrder,
  made: MadeArchive,
  durationMs: number,
) {
  const { target, timeline } = work;
  const restored = made.drill?.restored;
  if (!restored) throw notProven(options.file, made);
  const { cluster } = await archivePlace(target);
  const snapshot: Omit<Snapshot, 'copies'> = {
    ...{ id, tag: options.tag, description: options.description ?? '', durationMs, sizeBytes },
    ...{ createdAt: nextTime(timeline), reason: 'manual', parent: null },
    git: await readGitState(target.cwd),
    target: { server: target.server, database: target.database },
    fingerprint: restored.fingerprint,
    protectedUntil: settings.lockUntil?.toISOString() ?? null,
    serverVersion: made.drill?.result.serverVersion ?? work.main.serverVersion,
  };
  return manifestOf(snapshot, made, {
    ...{ cluster, locale: facts.locale, requires: requiredBy(facts, restored.requires) },
    properties: facts.properties(target.settings.user),
    ...{ pgDump: facts.pgDump, source: 'file', movedSequences: {}, contentHashes: null },
    portableChecksum: portableChecksum(restored.model),
  });
}

/** Of the roles that the file names, those that the restored database really needs. */
function requiredBy(facts: FileFacts, found: Requirements | null | undefined): Requirements {
  if (!found) return facts.requires;
  const named = new Set(facts.requires.roles.map(({ name }) => name));
  return { ...found, roles: found.roles.filter(({ name }) => named.has(name)) };
}

function notProven(file: string, { drill }: MadeArchive): BelayError {
  const why = drill?.result.differences.map(describeDifference).join('; ') ?? 'it was not restored';
  return new BelayError('NOT_PROVEN', `${file} could not be restored: ${why}`, {
    hint: 'Nothing was imported.',
  });
}

async function sizeOf(file: string): Promise<number> {
  try {
    const found = await stat(file);
    if (found.isFile()) return found.size;
  } catch (error) {
    throw new BelayError('FILE_ERROR', `cannot read ${file}`, {
      hint: 'Check the path, and that you may read it.',
      cause: error,
    });
  }
  throw new BelayError('NOT_AN_ARCHIVE', `${file} is no file`, {
    hint: 'Give a file of pg_dump -Fc; pg_dump -Fd makes a folder.',
  });
}
