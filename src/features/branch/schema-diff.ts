import { formatQualifiedName } from '../../domain/qualified-name.js';
import { compareSchemas } from '../../domain/schema-model.js';
import { BelayError } from '../../errors.js';
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

/**
 * What was changed in a schema branch since its base: its schema and the number of rows in its tables. The base's schema is
 * read under the branch's name, in a transaction that is taken back.
 * @throws BelayError SNAPSHOT_NOT_FOUND, PERMISSION_DENIED; USAGE where rows are asked for
 */
export async function diffSchemaBranch(
  work: Work,
  { record }: FoundBranch,
  { data = false }: { readonly data?: boolean | undefined } = {},
): Promise<DiffResult> {
  if (data) {
    throw new BelayError('USAGE', 'rows of a schema branch are counted, not compared one by one', {
      hint: 'Leave out --data; or use --isolation database for branches whose rows are to be compared.',
    });
  }
  const clone = await findBaseClone(work, record);
  const to = schemaOf(record);
  return withBothSides(work, clone.database.name, async (source, branch) => {
    await prepareBuilding(source);
    const from = await schemaToCopy(source, record);
    const base = await takenBack(source, async () => {
      const { model, names } = await readUnderName({ source, from, to });
      return { model, quoted: names.quotedTo, counts: await countsIn(source, to) };
    });
    const schema = compareSchemas(base.model, await readObjectsOf(branch, base.quoted));
    const rowCounts = compareCounts(base.counts, await countsIn(branch, to));
    const identical = schema.length === 0 && rowCounts.length === 0;
    const { id } = clone.record.snapshot;
    const a = { id, tag: record.base.name, database: clone.database.name };
    const b = { id: null, tag: null, database: record.database };
    return { a, b, identical, schema, rowCounts, sequences: [] };
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
