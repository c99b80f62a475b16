import { formatQualifiedName } from '../../domain/qualified-name.js';
import { compareSchemas } from '../../domain/schema-model.js';
import { compareRows } from '../../postgres/row-diff.js';
import { prepareBuilding } from '../../postgres/schema/build-schema.js';
import { readObjectsOf } from '../../postgres/schema-copy/build-objects.js';
import { takenBack } from '../../postgres/schema-copy/nested.js';
import type { Session } from '../../postgres/session.js';
import { countTables, readTableRights } from '../../postgres/sql/tables.js';
import type { DiffResult } from '../snapshot/diff.js';
import { compareCounts } from '../snapshot/live-counts.js';
import type { Work } from '../target/work.js';
import type { FoundBranch } from './driver.js';
import { findBaseClone } from './reset-database.js';
import { readUnderName } from './schema-copy.js';
import { schemaToCopy, withBothSides } from './schema-create.js';
import { schemaOf } from './schema-reset.js';

export interface DiffSchemaOptions {
  readonly data?: boolean | undefined;
  /** Only these tables' rows, in the branch's schema. */
  readonly tables?: readonly string[] | undefined;
  readonly sampleLimit?: number | undefined;
}

/**
 * What was changed in a schema branch since its base: its schema, the number of rows in its tables, and on request the rows. The
 * base's schema is read under the branch's name, in a transaction that is taken back.
 * @throws BelayError SNAPSHOT_NOT_FOUND, PERMISSION_DENIED
 */
export async function diffSchemaBranch(
  work: Work,
  { record }: FoundBranch,
  options: DiffSchemaOptions = {},
): Promise<DiffResult> {
  const clone = await findBaseClone(work, record);
  const to = schemaOf(record);
  return withBothSides(work, clone.database.name, async (source, branch) => {
    await prepareBuilding(source);
    const from = await schemaToCopy(source, record);
    const counts = await countsIn(branch, to);
    const base = await takenBack(source, async () => {
      const { model, names } = await readUnderName({ source, from, to });
      const before = await countsIn(source, to);
      const tables = options.tables ?? Object.keys({ ...before, ...counts });
      const { sampleLimit } = options;
      const order = { tables, sampleLimit, isInTransaction: true, signal: work.signal };
      const data = options.data
        ? await compareRows(
            async () => source,
            async () => branch,
            order,
          )
        : undefined;
      return { model, quoted: names.quotedTo, counts: before, data };
    });
    const schema = compareSchemas(base.model, await readObjectsOf(branch, base.quoted));
    const rowCounts = compareCounts(base.counts, counts);
    const { data } = base;
    const identical = [schema, rowCounts, data ?? []].every(({ length }) => length === 0);
    const { id } = clone.record.snapshot;
    const a = { id, tag: record.base.name, database: clone.database.name };
    const b = { id: null, tag: null, database: record.database };
    return { a, b, identical, schema, rowCounts, sequences: [], ...(data ? { data } : {}) };
  });
}

const tablesPerQuery = 200;

async function countsIn(session: Session, schema: string): Promise<Record<string, number>> {
  const tables = (await readTableRights(session)).filter((table) => table.schema === schema);
  const counts: Record<string, number> = {};
  for (let at = 0; at < tables.length; at += tablesPerQuery) {
    const batch = tables.slice(at, at + tablesPerQuery);
    const rows = await countTables(session, batch);
    for (const [index, table] of batch.entries()) {
      counts[formatQualifiedName(table)] = rows[index] ?? 0;
    }
  }
  return counts;
}
