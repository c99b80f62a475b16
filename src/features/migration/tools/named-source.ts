import type { AppliedVersion } from '../../../domain/history.js';
import type {
  AppliedMigration,
  MigrationFile,
  MigrationScript,
} from '../../../domain/migration.js';
import { type NumberedName, versionsOfNames } from '../../../domain/migration-name.js';
import type { Session } from '../../../postgres/session.js';
import {
  type ColumnKind,
  damaged,
  type FoundColumns,
  type HistoryTable,
  readColumns,
} from './history-table.js';
import { isChecksumOf, type SourceFile } from './source-files.js';
import type { ToolMigrationSource } from './tool-source.js';

/** A migration's file, or files, under the one name that the tool knows it by. */
export interface NamedFile {
  readonly whole: string;
  readonly up: MigrationScript | null;
  readonly down: MigrationScript | null;
  readonly checksum: string;
  /** The file that the tool takes a checksum of, if it does. */
  readonly source?: SourceFile;
}

/** A row of the tool's table. */
export interface NamedRow {
  /** What the table knows the row by, as text. */
  readonly key: string;
  /** Null where the row has none, which no tool does. */
  readonly whole: string | null;
  readonly isFinished: boolean;
  readonly appliedAt: string | null;
  readonly checksum: string | null;
}

/** What is particular to a tool that knows its migrations by name. */
export interface NamedTool<File extends NamedFile> {
  readonly tool: string;
  readonly upCommand: string;
  readonly directory: string | null;
  readonly ownRelations: readonly string[];
  readonly table: HistoryTable;
  /** The columns of its table that every version of the tool has. */
  readonly columns: Readonly<Record<string, ColumnKind>>;
  /** In the order in which the tool applies them. */
  readFiles(): Promise<readonly File[]>;
  /** In the order in which they were applied, without those that were taken back. */
  readRows(
    session: Session,
    columns: FoundColumns,
    files: readonly File[],
  ): Promise<readonly NamedRow[]>;
  /** Takes the rows with these keys out of the record. */
  forget(session: Session, keys: readonly string[]): Promise<void>;
}

interface Read<File> {
  readonly files: readonly File[];
  readonly rows: readonly (NamedRow & { readonly whole: string })[];
  readonly versions: ReadonlyMap<string, NumberedName>;
}

/** A source of migrations from what is particular to a tool. */
export function namedSource<File extends NamedFile>(tool: NamedTool<File>): ToolMigrationSource {
  return {
    ...{ tool: tool.tool, upCommand: tool.upCommand, directory: tool.directory },
    ownRelations: tool.ownRelations,
    readFiles: async () => migrationFiles(await tool.readFiles()),
    hasRecord: async (session) => (await readColumns(session, tool.table, {})) !== null,
    readApplied: async (session) => {
      const found = await readRecord(tool, session);
      return found && appliedMigrations(found);
    },
    readUnfinished: async (session) => {
      const found = await readRecord(tool, session);
      const rows = found?.rows.filter(({ isFinished }) => !isFinished) ?? [];
      return found ? rows.map((row) => numberedName(found, row)) : [];
    },
    forget: async (session, versions) => {
      const found = await readRecord(tool, session);
      if (!found) return;
      const rows = found.rows.filter((row) => versions.includes(numberedName(found, row).version));
      const keys = rows.map(({ key }) => key);
      if (keys.length > 0) await tool.forget(session, keys);
    },
  };
}

/** The tool's record beside the project's files; null where it has none. */
async function readRecord<File extends NamedFile>(
  tool: NamedTool<File>,
  session: Session,
): Promise<Read<File> | null> {
  const columns = await readColumns(session, tool.table, tool.columns);
  if (!columns) return null;
  const files = await tool.readFiles();
  const rows = (await tool.readRows(session, columns, files)).map((row) => {
    if (!row.whole) throw damaged(tool.table, 'it has a row without the name of a migration');
    return { ...row, whole: row.whole };
  });
  const ofFiles = versionsOfNames(files.map(({ whole }) => whole));
  const recorded = rows.map(({ whole }) => whole);
  return { files, rows, versions: versionsOfNames(recorded, ofFiles) };
}

function numberedName<File>(
  { versions }: Read<File>,
  { whole }: { whole: string },
): AppliedVersion {
  return versions.get(whole) ?? { version: whole, name: '' };
}

function migrationFiles(files: readonly NamedFile[]): MigrationFile[] {
  const versions = versionsOfNames(files.map(({ whole }) => whole));
  return files.map(({ whole, up, down, checksum }) => {
    const { version, name } = versions.get(whole) ?? { version: whole, name: '' };
    return { version, name, up, down, checksum };
  });
}

/** The file's own where the record says that it is the one that was applied, so that the two can be compared. */
function recordedChecksum({ checksum, source }: NamedFile, row: NamedRow): string | null {
  return row.checksum !== null && source && isChecksumOf(row.checksum, source)
    ? checksum
    : row.checksum;
}

function appliedMigrations(found: Read<NamedFile>): AppliedMigration[] {
  const files = new Map(found.files.map((file) => [file.whole, file]));
  const applied = new Map<string, AppliedMigration>();
  for (const row of found.rows) {
    if (!row.isFinished || applied.has(row.whole)) continue;
    const file = files.get(row.whole);
    const checksum = file ? recordedChecksum(file, row) : row.checksum;
    const { version, name } = numberedName(found, row);
    applied.set(row.whole, {
      version,
      name,
      appliedAt: row.appliedAt,
      checksum,
      up: null,
      down: null,
    });
  }
  return [...applied.values()];
}
