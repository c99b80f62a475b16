import type { RestorePreview } from '../../contract/restore-preview.js';
import type { Fingerprint } from '../../domain/fingerprint.js';
import type { SchemaChange } from '../../domain/schema-model.js';
import { BelayError, toBelayError } from '../../errors.js';
import type { Entry } from '../../features/archive/whole-timeline.js';
import { compareSchemaSides } from '../../features/schema/compare.js';
import { compareCounts, readLiveCounts } from '../../features/snapshot/live-counts.js';
import { readSchemaChecksum } from '../../postgres/fingerprint.js';
import type { JobWork } from './job-work.js';

type Measured = Pick<RestorePreview, 'schema' | 'schemaNotCompared' | 'rowCounts' | 'notCounted'>;

/** Somebody waits before a page: what takes longer is said not to be counted. */
const countBudgetMs = 20_000;
/** Reading a snapshot takes the target's lock, and whoever has it may have it for hours. */
const lockWaitMs = 5_000;

/** Compares a snapshot with the live database that it would replace, as far as that can be done in time. */
export async function measureReplaced(
  work: JobWork<'restore-preview'>,
  entry: Entry,
): Promise<Measured> {
  const { fingerprint } = entry.snapshot;
  const live = await readLive(work);
  if (typeof live === 'string') {
    return { schema: [], schemaNotCompared: live, rowCounts: [], notCounted: live };
  }
  const counted = compareRowCounts(work, fingerprint, live.counts);
  if (fingerprint?.schemaChecksum === live.checksum) {
    return { schema: [], schemaNotCompared: null, ...counted };
  }
  return { ...(await compareSchemas(work, entry, live.counts)), ...counted };
}

interface Live {
  readonly checksum: string;
  readonly counts: Readonly<Record<string, number | null>>;
}

/** @returns why it cannot be read, where it cannot */
async function readLive({ target, options }: JobWork<'restore-preview'>): Promise<Live | string> {
  try {
    const session = await target.openDatabase(target.database);
    const cancel = () => void session.close().catch(() => {});
    options.signal?.addEventListener('abort', cancel);
    try {
      const checksum = await readSchemaChecksum(session);
      return { checksum, counts: await readLiveCounts(session, countBudgetMs) };
    } finally {
      options.signal?.removeEventListener('abort', cancel);
      await session.close();
    }
  } catch (error) {
    const { kind, message } = toBelayError(error);
    if (kind === 'bug' || options.signal?.aborted) throw error;
    return message;
  }
}

function compareRowCounts(
  { input: { tables } }: JobWork<'restore-preview'>,
  fingerprint: Fingerprint | null,
  counts: Live['counts'],
): Pick<Measured, 'rowCounts' | 'notCounted'> {
  if (fingerprint === null) {
    return { rowCounts: [], notCounted: 'the rows of the snapshot were never counted' };
  }
  const wanted = ({ table }: { readonly table: string }) => tables?.includes(table) ?? true;
  const differing = compareCounts(fingerprint.rowCounts, counts).filter(wanted);
  const unknown = differing.filter((one) => one.unknown).map(({ table }) => table);
  const more = unknown.length > 5 ? ` and ${unknown.length - 5} more` : '';
  return {
    rowCounts: differing
      .filter((one) => !one.unknown)
      .map(({ table, a, b }) => ({ table, snapshot: a, live: b })),
    notCounted:
      unknown.length === 0
        ? null
        : `counting took too long: ${unknown.slice(0, 5).join(', ')}${more}`,
  };
}

async function compareSchemas(
  { target, input: { tables }, options }: JobWork<'restore-preview'>,
  { clone, snapshot }: Entry,
  counts: Live['counts'],
): Promise<Pick<Measured, 'schema' | 'schemaNotCompared'>> {
  const isWanted = ({ name }: SchemaChange) =>
    tables?.some((table) => name === table || name.startsWith(`${table}.`)) ?? true;
  if (!clone) {
    const why =
      'the schemas differ; of a snapshot that has only an archive, tables alone are known';
    const schema = changedTables(snapshot.fingerprint, counts).filter(isWanted);
    return { schema, schemaNotCompared: why };
  }
  try {
    const sides = { a: `snapshot:${snapshot.id}`, b: 'live' };
    const { changes } = await compareSchemaSides(target, { ...options, ...sides, lockWaitMs });
    return { schema: changes.filter(isWanted), schemaNotCompared: null };
  } catch (error) {
    if (!(error instanceof BelayError) || error.code !== 'LOCKED') throw error;
    const schema = changedTables(snapshot.fingerprint, counts).filter(isWanted);
    return { schema, schemaNotCompared: `only tables were compared: ${error.message}` };
  }
}

/** Tables that came since the snapshot, or went. */
function changedTables(
  fingerprint: Fingerprint | null,
  counts: Live['counts'],
): readonly SchemaChange[] {
  const then = fingerprint?.rowCounts ?? {};
  const change = (kind: SchemaChange['kind']) => (name: string) => ({
    ...{ kind, object: 'table', name, detail: '' },
  });
  return [
    ...Object.keys(counts)
      .filter((name) => !(name in then))
      .map(change('added')),
    ...Object.keys(then)
      .filter((name) => !(name in counts))
      .map(change('removed')),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
}
