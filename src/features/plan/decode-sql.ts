import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { BelayError } from '../../errors.js';

/** A text of JavaScript is not longer than 512 MB, and its parts are copied on the way. */
const mostBytes = 256 * 1024 * 1024;

/** Reads a file of SQL. @throws BelayError MIGRATIONS_NOT_FOUND, FILE_ERROR, BAD_MIGRATION */
export async function readSqlFile(cwd: string, file: string): Promise<string> {
  const at = path.resolve(cwd, file);
  try {
    const { size } = await stat(at);
    if (size > mostBytes) throw tooLarge(file, size);
    return decodeSql(await readFile(at), file);
  } catch (error) {
    if (error instanceof BelayError) throw error;
    throw cannotRead(file, error);
  }
}

/** @throws BelayError MIGRATIONS_NOT_FOUND, FILE_ERROR */
export function cannotRead(file: string, error: unknown): BelayError {
  const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new BelayError('MIGRATIONS_NOT_FOUND', `there is no file or folder ${file}`, {
      hint: 'Name a file of SQL, a folder of migrations, or OLD.sql:NEW.sql; `-` is the standard input.',
      details: { file },
    });
  }
  return new BelayError('FILE_ERROR', `cannot read ${file} (${code})`, {
    hint: 'Check that you may read it.',
    details: { file },
    cause: error,
  });
}

function tooLarge(file: string, sizeBytes: number): BelayError {
  const megabytes = Math.round(sizeBytes / 1e6).toLocaleString('en-US');
  return new BelayError('BAD_MIGRATION', `${file} has ${megabytes} MB, more than Belay reads`, {
    hint: 'Keep data apart from the migration, and load it with COPY.',
    details: { file, sizeBytes },
  });
}

/**
 * Takes bytes for text. A byte order mark is left out.
 * @throws BelayError BAD_MIGRATION where they are none: with the first byte that is not
 */
export function decodeSql(bytes: Uint8Array, file: string): string {
  const refuse = (what: string, offset: number, hint: string) =>
    new BelayError('BAD_MIGRATION', `${file} ${what}`, { hint, details: { file, offset } });
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (buffer.subarray(0, 5).toString('latin1') === 'PGDMP') {
    const hint = '`pg_restore -f FILE.sql` makes SQL of it.';
    throw refuse('is an archive of pg_dump, not SQL', 0, hint);
  }
  const mark = buffer.subarray(0, 2).toString('hex');
  if (mark === 'fffe' || mark === 'feff') {
    throw refuse('is UTF-16, not UTF-8', 0, 'Save it as UTF-8.');
  }
  const zero = buffer.indexOf(0);
  if (zero >= 0) {
    const hint = 'It is no text. Name a file of SQL.';
    throw refuse(`has a zero byte at byte ${zero}, line ${lineOf(buffer, zero)}`, zero, hint);
  }
  const text = buffer.toString('utf8');
  if (!isUtf8(buffer)) {
    const offset = firstDifference(buffer, Buffer.from(text));
    const hint = 'Save it as UTF-8: PostgreSQL would take its letters for others.';
    throw refuse(`is not UTF-8 at byte ${offset}, line ${lineOf(buffer, offset)}`, offset, hint);
  }
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}

/** What could not be decoded is written as another character: there the bytes begin to differ. */
function firstDifference(a: Buffer, b: Buffer): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at += 1;
  return at;
}

function lineOf(bytes: Buffer, offset: number): number {
  let line = 1;
  for (let at = bytes.indexOf(10); at >= 0 && at < offset; at = bytes.indexOf(10, at + 1)) {
    line += 1;
  }
  return line;
}
