import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import { reportStep } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import {
  copySequences,
  fillViews,
  readExtensionTables,
  readMaterializedViews,
} from '../../postgres/shadow/copy-rest.js';
import { copyTables } from '../../postgres/shadow/copy-tables.js';
import { readPlacedTables } from '../../postgres/shadow/read-mapping.js';
import { readTables } from '../../postgres/sql/tables.js';
import type { DumpTools } from '../../process/client-tools.js';
import { startDump } from '../archive/dump.js';
import { restoreInto } from '../archive/restore-into.js';
import { dumpToolsOf } from '../table/dump-tools.js';
import type { Work } from '../target/work.js';
import { buildByModel } from './copy-by-model.js';
import type { CopyPlace } from './create-copy.js';

/**
 * Fills an empty database with everything that another has, as of the moment that is frozen: definitions by pg_dump and
 * pg_restore, or where there are none by Belay's own model; rows table by table in between, before there are indexes.
 * @returns what somebody should know of it
 */
export async function copyContents(work: Work, place: CopyPlace): Promise<string[]> {
  const tools = await findTools(work);
  const notes: string[] = [];
  const rows = () =>
    reportStep(work.reporter, { name: 'copy rows' }, () => copyRows(work, place, notes));
  if (tools) await buildByDump(work, place, tools, rows);
  else await buildByModel(work, place, rows);
  const session = await place.openCopy();
  const source = await place.openSource();
  await copySequences(source, session);
  await reportStep(work.reporter, { name: 'fill materialized views' }, async () =>
    fillViews(session, await readMaterializedViews(place.frozen.session)),
  );
  return notes;
}

async function findTools(work: Work): Promise<DumpTools | undefined> {
  try {
    return await dumpToolsOf(work);
  } catch (error) {
    if (error instanceof BelayError && error.code === 'TOOL_MISSING') return undefined;
    throw error;
  }
}

const lockTimeoutMs = 10_000;
const idleMs = 5 * 60_000;

/** Everything but the rows of tables: large objects are among what pg_dump brings. */
async function buildByDump(
  work: Work,
  place: CopyPlace,
  tools: DumpTools,
  rows: () => Promise<void>,
): Promise<void> {
  const { target, signal, reporter } = work;
  const { settings, env } = target;
  const dump = startDump({
    ...{ pgDump: tools.pgDump.path, settings, database: target.database, env, signal },
    ...{ snapshotName: place.frozen.snapshotName, more: ['--exclude-table-data=*.*'] },
    ...{ compression: 0, lockTimeoutMs, idleMs },
  });
  try {
    await restoreInto({
      ...{ pgRestore: tools.pgRestore.path, settings, env, signal, reporter },
      ...{ database: place.database, session: await place.openCopy(), jobs: place.jobs },
      ...{ source: dump.stdout, requires: place.requires, noOwner: false, isThrowaway: false },
      afterRows: rows,
    });
  } catch (error) {
    dump.stop();
    throw error;
  }
  const { failure } = await dump.ended;
  if (failure) throw failure;
}

const keyOf = ({ schema, name }: QualifiedName): string => `${schema}\0${name}`;

async function copyRows(work: Work, place: CopyPlace, notes: string[]): Promise<void> {
  const { frozen, openSource, openCopy, jobs } = place;
  const sizes = await frozen.within(frozen.session, () => readTables(frozen.session));
  const placed = await readPlacedTables(frozen.session);
  const columnsOf = new Map(
    placed.map((table) => [keyOf(table), table.columns.filter(({ isGenerated }) => !isGenerated)]),
  );
  const ofExtensions = await readExtensionTables(await openCopy());
  const mayWrite = new Map(ofExtensions.map((table) => [keyOf(table), table.writable]));
  const tables = sizes.filter((table) => {
    const writable = mayWrite.get(keyOf(table));
    // What an extension itself has put there is replaced; others are empty, and stay so.
    if (writable === undefined) return table.sizeBytes > 0;
    if (!writable) notes.push(`${formatQualifiedName(table)} ${asItsExtensionMadeIt}`);
    return writable;
  });
  await copyTables({
    ...{ openSource, openCopy, within: frozen.within, jobs, signal: work.signal },
    tables: tables.map(({ schema, name }) => ({
      ...{ schema, name },
      columns: columnsOf.get(keyOf({ schema, name }))?.map((column) => column.name) ?? [],
    })),
  });
}

const asItsExtensionMadeIt =
  'belongs to an extension and was left as that has made it: the role may not write to it';
