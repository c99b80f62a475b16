import { splitSections } from '../../../domain/script-sections.js';
import type { NamedFile } from './named-source.js';
import {
  checksumOf,
  listFiles,
  readSource,
  type SourceFile,
  wayDown,
  wholeScript,
} from './source-files.js';

const markers = {
  up: /^\s*--[\s-]*up\s+migration/im,
  down: /^\s*--[\s-]*down\s+migration/im,
};

const extension = /\.(?:sql|js|ts|cjs|mjs|cts|mts)$/;

/** The value of the number that a name begins with; 17 digits are a date and time, others are milliseconds or a count. */
function order(whole: string): bigint {
  const [digits = '0'] = /^\d+/.exec(whole) ?? [];
  if (digits.length !== 17) return BigInt(digits);
  const parts = /^(....)(..)(..)(..)(..)(..)(...)$/.exec(digits)?.slice(1).map(Number) ?? [];
  const [year = 0, month = 1, ...rest] = parts;
  return BigInt(Date.UTC(year, month - 1, ...rest));
}

/** In the order in which node-pg-migrate applies them. */
export async function readNodePgMigrateFiles(
  cwd: string,
  directory: string | null,
): Promise<NamedFile[]> {
  if (directory === null) return [];
  const names = (await listFiles(cwd, directory)).filter(
    (name) => extension.test(name) && !/^\.|\.d\.[cm]?ts$/.test(name),
  );
  const files: NamedFile[] = [];
  for (const name of names) {
    // A pair of files is one migration; the way down is read with the way up.
    if (name.endsWith('.down.sql') && names.includes(name.replace(/\.down\.sql$/, '.up.sql')))
      continue;
    const source = await readSource(cwd, `${directory}/${name}`);
    if (source) files.push(await readMigration(cwd, name, source));
  }
  return files.sort((a, b) => {
    const [left, right] = [order(a.whole), order(b.whole)];
    if (left !== right) return left < right ? -1 : 1;
    return a.whole.localeCompare(b.whole, undefined, { numeric: true, ignorePunctuation: true });
  });
}

async function readMigration(cwd: string, name: string, source: SourceFile): Promise<NamedFile> {
  const whole = name.replace(extension, '').replace(/\.up$/, '');
  if (!name.endsWith('.sql')) {
    return { whole, up: null, down: null, checksum: checksumOf(source.bytes) };
  }
  if (name.endsWith('.up.sql')) {
    const down = await readSource(cwd, source.file.replace(/\.up\.sql$/, '.down.sql'));
    const scripts = { up: wholeScript(source), down: wayDown(down && wholeScript(down)) };
    return { whole, ...scripts, checksum: checksumOf(source.bytes) };
  }
  return { whole, ...sectionScripts(source) };
}

/** A file without a marker is the way up as a whole. */
function sectionScripts(source: SourceFile): Omit<NamedFile, 'whole'> {
  const { up, down } = splitSections(source.text, markers);
  const rest = { file: source.file, inTransaction: true };
  const upScript = up ? { ...rest, line: up.line, sql: up.sql } : wholeScript(source);
  return {
    up: upScript,
    down: wayDown(down && { ...rest, line: down.line, sql: down.sql }),
    checksum: checksumOf(upScript.sql),
  };
}
