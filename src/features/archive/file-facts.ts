import type { DatabaseLocale, RequiredRole, Requirements } from '../../domain/manifest.js';
import type { DatabaseProperties } from '../../domain/properties.js';
import { BelayError } from '../../errors.js';
import type { DumpTools } from '../../process/client-tools.js';
import { lastLines } from '../../process/program-failure.js';
import { runProgram } from '../../process/run.js';

/** What a file of pg_dump says about itself. */
export interface FileFacts {
  /** Major version of the server that it is a dump of. */
  readonly major: number;
  readonly pgDump: string | null;
  /** Entries of its table of contents. */
  readonly entries: number;
  readonly locale: DatabaseLocale;
  /** Roles that it names; whether the database needs them shows when it is restored. */
  readonly requires: Requirements;
  /** A dump does not say whose the database was. */
  readonly properties: (owner: string) => DatabaseProperties;
}

const maxOutputBytes = 512 * 1024 * 1024;

/** @throws BelayError NOT_AN_ARCHIVE */
export async function readFileFacts(
  file: string,
  { pgRestore }: DumpTools,
  env: NodeJS.ProcessEnv,
  signal: AbortSignal | undefined,
): Promise<FileFacts> {
  const run = async (args: string[]) => {
    const result = await runProgram(pgRestore.path, args, { env, signal, maxOutputBytes });
    if (result.exitCode === 0) return result.stdout;
    throw new BelayError(
      'NOT_AN_ARCHIVE',
      `${file} is no archive that pg_restore ${pgRestore.version} can read: ${lastLines(result.stderr, 2)}`,
      {
        hint: 'Give a file of pg_dump -Fc, written by a pg_dump that is not newer than pg_restore.',
      },
    );
  };
  const listing = await run(['--list', file]);
  if (!/^;\s+Format: CUSTOM$/m.test(listing)) {
    throw new BelayError(
      'NOT_AN_ARCHIVE',
      `${file} is a dump in another format than the custom one`,
      {
        hint: 'Give a file of pg_dump -Fc.',
      },
    );
  }
  const schema = await run(['--schema-only', '--file=-', file]);
  const major = Number(/^;\s+Dumped from database version: (\d+)/m.exec(listing)?.[1]);
  if (!major) {
    throw new BelayError('NOT_AN_ARCHIVE', `${file} does not say which server it is a dump of`);
  }
  return {
    major,
    pgDump: /^;\s+Dumped by pg_dump version: ([\d.]+)/m.exec(listing)?.[1] ?? null,
    entries: Number(/^;\s+TOC Entries: (\d+)/m.exec(listing)?.[1] ?? 10_000),
    locale: localeOf(schema),
    requires: { roles: rolesIn(schema), tablespaces: [], extensions: [] },
    properties: (owner) => ({
      ...{ owner, comment: null, connectionLimit: -1, isTemplate: false },
      ...{ grants: null, settings: [] },
    }),
  };
}

function localeOf(schema: string): DatabaseLocale {
  const encoding = /^SET client_encoding = '([^']+)';$/m.exec(schema)?.[1] ?? 'UTF8';
  const text = encoding === 'UTF8' ? 'C.UTF-8' : 'C';
  return {
    encoding,
    ...{ collate: text, ctype: text, provider: 'libc', locale: null, icuRules: null },
  };
}

const identifier = '("(?:[^"]|"")+"|[^\\s",;()]+)';

/**
 * Lines of pg_dump's own making that name roles. A line in the body of a function may look the same: then a role
 * is made for nothing, in a server that is thrown away.
 */
const roleLines = [
  new RegExp(`^ALTER .* OWNER TO ${identifier};$`, 'gm'),
  new RegExp(`^GRANT .* TO ${identifier}(?: WITH GRANT OPTION)?;$`, 'gm'),
  new RegExp(`^REVOKE .* FROM ${identifier};$`, 'gm'),
  new RegExp(`^ALTER DEFAULT PRIVILEGES FOR ROLE ${identifier} `, 'gm'),
  new RegExp(`^CREATE POLICY .* TO ${identifier}(?: |;)`, 'gm'),
  /^SET SESSION AUTHORIZATION '?([^';]+)'?;$/gm,
];

function rolesIn(schema: string): RequiredRole[] {
  const names = new Set<string>();
  for (const line of roleLines) {
    for (const match of schema.matchAll(line)) {
      const name = match[1] ?? '';
      names.add(name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name);
    }
  }
  for (const special of ['PUBLIC', 'DEFAULT', 'CURRENT_USER', 'SESSION_USER'])
    names.delete(special);
  return [...names]
    .filter((name) => !name.startsWith('pg_'))
    .sort()
    .map((name) => ({ name, isSuperuser: false, canLogin: false, memberOf: [] }));
}
