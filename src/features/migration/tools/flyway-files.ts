import path from 'node:path';
import {
  type FlywayFileName,
  flywayChecksum,
  flywayVersionKey,
  parseFlywayFileName,
} from '../../../domain/flyway-file.js';
import {
  compareVersions,
  type MigrationFile,
  type MigrationScript,
} from '../../../domain/migration.js';
import { BelayError } from '../../../errors.js';
import {
  checksumOf,
  listFiles,
  readSource,
  type SourceFile,
  wayDown,
  wholeScript,
} from './source-files.js';

/** A migration with the checksum that Flyway has of it. */
export interface FlywayFile {
  readonly migration: MigrationFile;
  readonly crc: number;
}

interface Found {
  readonly parsed: FlywayFileName;
  readonly file: string;
}

/**
 * The migrations with a version in a folder and those below it, in their order.
 * @throws BelayError BAD_MIGRATION where two files have one version, as in Flyway
 */
export async function readFlywayFiles(
  cwd: string,
  directory: string | null,
): Promise<FlywayFile[]> {
  if (directory === null) return [];
  const names = (await listFiles(cwd, directory, { recursive: true })).sort();
  const found = names.flatMap((name) => {
    const parsed = parseFlywayFileName(path.posix.basename(name));
    return parsed ? [{ parsed, file: `${directory}/${name}` }] : [];
  });
  const versioned = byVersion(found.filter(({ parsed }) => parsed.kind === 'versioned'));
  const undo = byVersion(found.filter(({ parsed }) => parsed.kind === 'undo'));
  const files: FlywayFile[] = [];
  for (const [key, { parsed, file }] of versioned) {
    const up = await readScript(cwd, file);
    const down = await readScript(cwd, undo.get(key)?.file);
    if (!up) continue;
    const { version, name } = parsed;
    const checksum = checksumOf(up.source.bytes);
    files.push({
      migration: { version, name, up: up.script, down: wayDown(down?.script), checksum },
      crc: flywayChecksum(up.source.text),
    });
  }
  const order = (a: FlywayFile) => flywayVersionKey(a.migration.version);
  return files.sort((a, b) => compareVersions(order(a), order(b)));
}

function byVersion(found: readonly Found[]): Map<string, Found> {
  const versions = new Map<string, Found>();
  for (const one of found) {
    const key = flywayVersionKey(one.parsed.version);
    const other = versions.get(key);
    if (other) {
      throw new BelayError(
        'BAD_MIGRATION',
        `${other.file} and ${one.file} have the same version, ${one.parsed.version}`,
        {
          hint: 'Give one of them another version: Flyway refuses this too.',
          details: { version: one.parsed.version, files: [other.file, one.file] },
        },
      );
    }
    versions.set(key, one);
  }
  return versions;
}

async function readScript(
  cwd: string,
  file: string | undefined,
): Promise<{ source: SourceFile; script: MigrationScript } | undefined> {
  if (file === undefined) return undefined;
  const source = await readSource(cwd, file);
  if (!source) return undefined;
  // Settings of one script stand in a file beside it.
  const settings = await readSource(cwd, `${file}.conf`);
  const isAlone = /^\s*executeInTransaction\s*=\s*false\s*$/m.test(settings?.text ?? '');
  return { source, script: { ...wholeScript(source), inTransaction: !isAlone } };
}
