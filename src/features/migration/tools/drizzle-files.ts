import { BelayError } from '../../../errors.js';
import { readMigrationFolders, readNamedSource } from './migration-folders.js';
import type { NamedFile } from './named-source.js';
import { checksumOf, isChecksumOf, readSource, wholeScript } from './source-files.js';

/** A migration of Drizzle. */
export interface DrizzleFile extends NamedFile {
  /** When it was generated, in milliseconds, by which Drizzle before 1.0 knows it. */
  readonly millis: number | null;
}

/**
 * The migrations of a folder in either layout: `meta/_journal.json` with `<tag>.sql`, or (from Drizzle 1.0) a folder
 * `<timestamp>_<name>` for each.
 * @throws BelayError BAD_MIGRATION where the journal cannot be read
 */
export async function readDrizzleFiles(
  cwd: string,
  directory: string | null,
): Promise<DrizzleFile[]> {
  if (directory === null) return [];
  const journal = await readSource(cwd, `${directory}/meta/_journal.json`);
  if (!journal) {
    const folders = await readMigrationFolders(cwd, directory);
    return folders.map((folder) => ({ ...folder, millis: millisOf(folder.whole) }));
  }
  const files: DrizzleFile[] = [];
  for (const { tag, when } of parseJournal(journal.file, journal.text)) {
    const source = await readNamedSource(cwd, `${directory}/${tag}.sql`, journal.file);
    const checksum = checksumOf(source.bytes);
    const up = wholeScript(source);
    files.push({ whole: tag, source, up, down: null, checksum, millis: when });
  }
  return files;
}

/** The time that a folder's name begins with. */
function millisOf(whole: string): number | null {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)/.exec(whole);
  if (!match) return null;
  const [year = 0, month = 0, ...rest] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, ...rest);
}

interface JournalEntry {
  readonly tag: string;
  readonly when: number;
}

const isEntry = (entry: unknown): entry is JournalEntry => {
  const { tag, when } = (entry ?? {}) as Partial<JournalEntry>;
  return typeof tag === 'string' && tag !== '' && typeof when === 'number';
};

function parseJournal(file: string, text: string): readonly JournalEntry[] {
  const bad = (what: string, cause?: unknown) =>
    new BelayError('BAD_MIGRATION', `${file} is no journal of Drizzle: ${what}`, {
      hint: 'Take it from version control, or have drizzle-kit write it again.',
      ...{ details: { file }, cause },
    });
  let journal: { entries?: unknown } | null;
  try {
    journal = JSON.parse(text);
  } catch (error) {
    throw bad('it is not JSON', error);
  }
  const entries = journal?.entries;
  if (!Array.isArray(entries)) throw bad('it has no list "entries"');
  if (!entries.every(isEntry)) throw bad('an entry has no "tag" or no "when"');
  return entries;
}

/** What a row of Drizzle's table says of its file: its name where it has one, else its time and hash. */
export function fileOfRow(
  row: {
    readonly name: string | null;
    readonly millis: string | null;
    readonly hash: string | null;
  },
  files: readonly DrizzleFile[],
): DrizzleFile | undefined {
  if (row.name !== null) return files.find(({ whole }) => whole === row.name);
  const exact = files.find(({ millis }) => millis !== null && String(millis) === row.millis);
  if (exact) return exact;
  // drizzle-kit up makes folders out of a journal, and their names have no milliseconds.
  const seconds = row.millis?.slice(0, -3);
  const sameSecond = files.filter(({ millis }) => String(millis).slice(0, -3) === seconds);
  if (sameSecond.length === 1) return sameSecond[0];
  return files.find(({ source }) => source && isChecksumOf(row.hash ?? '', source));
}
