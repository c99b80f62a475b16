import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import type { Snapshot } from '../../domain/snapshot.js';
import type { TableOfContents } from '../../domain/table-of-contents.js';
import { CopyBlockReader } from '../../domain/table-rows.js';
import { columnsOfCopy, restoreList } from '../../domain/table-selection.js';
import { BelayError } from '../../errors.js';
import { chooseDumpTools } from '../../process/client-tools.js';
import { streamProgram } from '../../process/stream-program.js';
import { type ArchiveHead, readArchiveHead } from '../archive/read-archive-head.js';
import { type TableData, type TableSource, withPrivateFolder } from './table-source.js';

export interface ArchiveSourceOptions {
  readonly snapshot: Snapshot;
  /** server_version_num of the server that was dumped. */
  readonly serverVersion: number;
  readonly partsOf?: TableSource['partsOf'];
  /** The plain bytes of the archive from their beginning; may be called several times. */
  readonly openArchive: () => Promise<Readable>;
  readonly env: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal | undefined;
}

/** Tables out of an archive. The schema takes its head, each table the whole of its bytes, which proves the seal. */
export function archiveSource(options: ArchiveSourceOptions): TableSource {
  let head: Promise<ArchiveHead> | undefined;
  const readOnce = () => {
    head ??= options.openArchive().then(readArchiveHead);
    return head;
  };
  return {
    snapshot: options.snapshot,
    serverVersion: options.serverVersion,
    partsOf: options.partsOf,
    withSchemaFile: (use) =>
      withPrivateFolder(async (folder) => {
        const file = join(folder, 'schema');
        await writeFile(file, (await readOnce()).bytes, { mode: 0o600 });
        return use(file);
      }),
    withTableData: (table, use) =>
      withPrivateFolder(async (folder) =>
        use(await openRows(options, (await readOnce()).contents, table, join(folder, 'list'))),
      ),
  };
}

async function openRows(
  options: ArchiveSourceOptions,
  contents: TableOfContents,
  table: QualifiedName,
  listFile: string,
): Promise<TableData> {
  const { entries, encoding } = contents;
  const entry = entries.find(
    ({ kind, schema, tag }) =>
      kind === 'TABLE DATA' && schema === table.schema && tag === table.name,
  );
  const columns = entry && columnsOfCopy(entry.copyStatement);
  if (!entry || !columns) throw noRows(table);
  await writeFile(listFile, restoreList([entry]), { mode: 0o600 });
  const bytes = Buffer.from(entry.copyStatement, encoding === 'UTF8' ? 'utf8' : 'latin1');
  const rows = readRows(options, contents.oldestReader, new CopyBlockReader(bytes), listFile);
  return { columns, rows: Readable.from(rows, { objectMode: false }), encoding };
}

function noRows(table: QualifiedName): BelayError {
  return new BelayError(
    'TABLE_NOT_FOUND',
    `the archive does not hold the rows of ${formatQualifiedName(table)} as COPY data`,
    {
      hint: 'It was made without them, or with --inserts. `pg_restore` alone can read the latter.',
    },
  );
}

async function* readRows(
  { openArchive, env, signal }: ArchiveSourceOptions,
  oldestReader: number,
  reader: CopyBlockReader,
  listFile: string,
): AsyncGenerator<Buffer> {
  const { pgRestore } = await chooseDumpTools(oldestReader, env);
  const child = streamProgram(
    pgRestore.path,
    ['--data-only', `--use-list=${listFile}`, '--file=-'],
    { env, stdin: 'pipe', signal, errorCode: 'RESTORE_FAILED', errorHint: 'Nothing was changed.' },
  );
  if (!child.stdin) throw new BelayError('BUG', 'pg_restore was started without an input');
  // The archive is read to its end, also behind the table: only there its seal is proven.
  const fed = pipeline(await openArchive(), child.stdin);
  let feedError: unknown;
  fed.catch((error) => {
    feedError = error;
  });
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      const rows = reader.push(chunk);
      if (rows.length > 0) yield rows;
    }
    await fed;
  } catch (error) {
    // What came of the archive is the cause, what pg_restore then did is not.
    throw feedError ?? error;
  } finally {
    child.stop();
  }
  if (reader.isComplete) return;
  throw new BelayError('RESTORE_FAILED', 'pg_restore printed no rows for the table', {
    hint: 'Nothing was changed. Restore from another archive.',
  });
}
