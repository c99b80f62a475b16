import {
  createFrom,
  doingFor,
  dropTable,
  type Keeping,
  type KeptStatement,
  lockAgainstWriters,
  newDataTable,
  ownRows,
  registered,
  sequenceValues,
  withAllRows,
} from './keeping.js';
import { selectStored, valueName, wholeRows } from './kept-columns.js';
import type { KeptTable } from './kept-table.js';

/** Keeps all rows of a table that a statement drops; of a partitioned table those of all its partitions. */
export async function keepTable(statement: KeptStatement, table: KeptTable): Promise<Keeping> {
  const { session } = statement;
  await lockAgainstWriters(session, table);
  const data = await newDataTable(session);
  const { identity, columns, kept } = wholeRows(table);
  const values = selectStored(columns, 't', valueName);
  const rows = await withAllRows(session, table, () =>
    createFrom(
      session,
      data,
      `SELECT ${values.join(', ')} FROM ${ownRows(table)} AS t`,
      doingFor(table),
    ),
  );
  return {
    ...{ table, kind: 'table', columnName: null, id: data.id, hasTrigger: false },
    finish: async () => {
      const [found] = await session.query(`SELECT FROM pg_class WHERE oid = $1`, [table.oid]);
      if (found) {
        await dropTable(session, data);
        return null;
      }
      return {
        ...registered(statement, table, data),
        ...{ columnName: null, kind: 'table', identity: identity.kind, columns: kept },
        ...{ rows, values: 0, sequences: sequenceValues(table) },
      };
    },
  };
}
