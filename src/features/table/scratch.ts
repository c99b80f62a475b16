import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cloneName, newSnapshotId } from '../../domain/clone-name.js';
import {
  type ContentsEntry,
  parseTableOfContents,
  type TableOfContents,
} from '../../domain/table-of-contents.js';
import { restoreList } from '../../domain/table-selection.js';
import { BelayError } from '../../errors.js';
import { emptyCloneSql } from '../../postgres/empty-database.js';
import { libpqEnvironment } from '../../postgres/libpq-environment.js';
import { readDatabaseLocale } from '../../postgres/requirements.js';
import { readRights } from '../../postgres/rights.js';
import type { Session } from '../../postgres/session.js';
import { runProgram } from '../../process/run.js';
import { dropBelayDatabase, openDatabaseToReaders } from '../target/leftovers.js';
import type { Work } from '../target/work.js';
import { dumpToolsOf } from './dump-tools.js';
import { withPrivateFolder } from './table-source.js';

/**
 * Makes an empty database on the target's server, where roles and extensions are those of the target, and removes it.
 * It has the marks of a half-made clone, so that the next command removes it after a kill.
 * @param like a session in the database whose encoding and locale it gets
 */
export async function withScratchDatabase<T>(
  work: Work,
  like: Session,
  use: (database: string) => Promise<T>,
): Promise<T> {
  const { main, target } = work;
  const name = cloneName(target.database, newSnapshotId());
  const { role } = await readRights(main);
  const locale = await readDatabaseLocale(like);
  try {
    await main.execute(
      emptyCloneSql(name, role, locale, main.serverVersion),
      'making a database to read the schema of the snapshot in',
    );
    await openDatabaseToReaders(main, name);
    return await use(name);
  } finally {
    // With the connection gone this fails too; then the next command or `belay repair` removes it.
    await dropBelayDatabase(main, name).catch(() => {});
  }
}

/** @throws BelayError NOT_AN_ARCHIVE */
export async function readContents(file: string): Promise<TableOfContents> {
  const parsed = parseTableOfContents(await readFile(file));
  if (parsed.type === 'contents') return parsed.contents;
  const why = parsed.type === 'foreign' ? parsed.why : 'its table of contents is cut off';
  throw new BelayError('NOT_AN_ARCHIVE', `this is no file of pg_dump -Fc: ${why}`, {
    hint: 'Restore from another archive.',
  });
}

export interface RestoreEntriesOrder {
  readonly database: string;
  readonly file: string;
  readonly contents: TableOfContents;
  readonly entries: readonly ContentsEntry[];
  /** Tablespaces that the server has not got: everything goes to the database's own then. */
  readonly ignoreTablespaces: boolean;
  /** Stop at what cannot be made. */
  readonly mustBeWhole: boolean;
}

/**
 * Makes some objects of a dump in a database.
 * @returns whether all were made
 * @throws BelayError RESTORE_FAILED with what pg_restore said
 */
export async function restoreEntries(work: Work, order: RestoreEntriesOrder): Promise<boolean> {
  if (order.entries.length === 0) return true;
  const { settings, env } = work.target;
  const { database, contents, mustBeWhole } = order;
  const { pgRestore } = await dumpToolsOf(work, contents.oldestReader);
  return withPrivateFolder(async (folder) => {
    const list = join(folder, 'list');
    await writeFile(list, restoreList(order.entries), { mode: 0o600 });
    const { exitCode } = await runProgram(
      pgRestore.path,
      [
        // The database is in the environment: as an argument it would be read as a connection string.
        ...['--dbname=', '--no-password', `--use-list=${list}`],
        ...(mustBeWhole ? ['--exit-on-error'] : []),
        ...(order.ignoreTablespaces ? ['--no-tablespaces'] : []),
        order.file,
      ],
      {
        env: libpqEnvironment(settings, { database, applicationName: 'belay restore', env }),
        signal: work.signal,
        mustSucceed: mustBeWhole,
        errorCode: 'RESTORE_FAILED',
        errorHint:
          'Nothing was changed. The table needs what pg_restore names; a role that may make it, e.g. a superuser, can help.',
      },
    );
    return exitCode === 0;
  });
}

/** Whether the entries name a tablespace that the server has not got. */
export async function lacksTablespaces(
  session: Session,
  entries: readonly ContentsEntry[],
): Promise<boolean> {
  const names = new Set(entries.map(({ tablespace }) => tablespace).filter((name) => name !== ''));
  if (names.size === 0) return false;
  const rows = await session.query('SELECT 1 FROM pg_tablespace WHERE spcname = ANY ($1::text[])', [
    [...names],
  ]);
  return rows.length < names.size;
}
