import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { QualifiedName } from '../../domain/qualified-name.js';
import { libpqEnvironment } from '../../postgres/libpq-environment.js';
import { copyRowsOut, readDataColumns } from '../../postgres/table/copy-rows.js';
import { runProgram } from '../../process/run.js';
import { readingClone } from '../snapshot/read-clone.js';
import { type Clone, toSnapshot } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import { dumpToolsOf } from './dump-tools.js';
import { type TableData, type TableSource, withPrivateFolder } from './table-source.js';

/** Tables out of a snapshot's clone. The clone is open only while it is read. */
export function cloneSource(work: Work, clone: Clone): TableSource {
  const { name: database } = clone.database;
  // A clone never changes, and pg_dump of a large schema takes seconds.
  let schema: Promise<Buffer> | undefined;
  const readOnce = () => {
    schema ??= readingClone(work, database, () => dumpSchema(work, database));
    return schema;
  };
  return {
    snapshot: toSnapshot(clone),
    serverVersion: work.main.serverVersion,
    withSchemaFile: (use) =>
      withPrivateFolder(async (folder) => {
        const file = join(folder, 'schema');
        await writeFile(file, await readOnce(), { mode: 0o600 });
        return use(file);
      }),
    withTableData: (table, use) =>
      readingClone(work, database, async (open) => {
        const session = await open();
        return use(await readRows(session, table));
      }),
  };
}

async function dumpSchema(work: Work, database: string): Promise<Buffer> {
  const { settings, env } = work.target;
  const { pgDump } = await dumpToolsOf(work);
  const options = ['--format=custom', '--schema-only', '--encoding=UTF8', '--no-password'];
  return withPrivateFolder(async (folder) => {
    const file = join(folder, 'schema');
    await runProgram(pgDump.path, [...options, `--file=${file}`], {
      env: libpqEnvironment(settings, { database, applicationName: 'belay dump', env }),
      signal: work.signal,
      mustSucceed: true,
      errorCode: 'DUMP_FAILED',
      errorHint: 'Nothing was changed. What pg_dump says is the reason.',
    });
    return readFile(file);
  });
}

async function readRows(
  session: Parameters<typeof readDataColumns>[0],
  table: QualifiedName,
): Promise<TableData> {
  const columns = await readDataColumns(session, table);
  return { columns, rows: copyRowsOut(session, table, columns), encoding: 'UTF8' };
}
