import { access, constants, readdir, realpath } from 'node:fs/promises';
import { basename, delimiter, dirname, join } from 'node:path';
import { BelayError } from '../errors.js';
import {
  type InstallationSource,
  isSupported,
  type PostgresInstallation,
  parseVersion,
  supportedMajors,
  versionOrder,
} from './installation.js';
import { runProgram } from './run.js';
import { findShippedInstallation } from './shipped-postgres.js';

/** A client program on this machine. */
export interface ClientTool {
  readonly name: 'pg_dump' | 'pg_restore' | 'psql';
  readonly path: string;
  /** e.g. "15.18". */
  readonly version: string;
  readonly major: number;
}

const clientToolNames = ['pg_dump', 'pg_restore', 'psql'] as const;
const versionTimeoutMs = 10_000;
const suffix = process.platform === 'win32' ? '.exe' : '';

interface Candidate {
  readonly source: InstallationSource;
  readonly binDir: string;
}

/** Folders whose path matches a pattern in which one part may hold `*`; for a part without, itself. */
async function expand(pattern: string): Promise<string[]> {
  const parts = pattern.split('/');
  const index = parts.findIndex((part) => part.includes('*'));
  if (index < 0) return [pattern];
  const parent = parts.slice(0, index).join('/');
  const [before = '', after = ''] = (parts[index] ?? '').split('*');
  const names = await readdir(parent).catch(() => [] as string[]);
  return names
    .filter((name) => name.startsWith(before) && name.endsWith(after))
    .map((name) => [parent, name, ...parts.slice(index + 1)].join('/'));
}

function knownPlaces(env: NodeJS.ProcessEnv): [InstallationSource, string][] {
  const programFiles = (env.ProgramFiles ?? 'C:\\Program Files').replaceAll('\\', '/');
  switch (process.platform) {
    case 'win32':
      return [['windows', `${programFiles}/PostgreSQL/*/bin`]];
    case 'darwin':
      return [
        ['homebrew', '/opt/homebrew/opt/postgresql@*/bin'],
        ['homebrew', '/usr/local/opt/postgresql@*/bin'],
        ['postgres-app', '/Applications/Postgres.app/Contents/Versions/*/bin'],
      ];
    default:
      return [
        ['debian', '/usr/lib/postgresql/*/bin'],
        ['pgdg-rpm', '/usr/pgsql-*/bin'],
        ['homebrew', '/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin'],
      ];
  }
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function pathFolders(env: NodeJS.ProcessEnv): string[] {
  // An empty entry means the current folder, whose programs nobody meant to run.
  return (env.PATH ?? env.Path ?? '').split(delimiter).filter((folder) => folder.length > 0);
}

/** Folders with servers, in order of preference, before anything is known about their versions. */
async function findCandidates(env: NodeJS.ProcessEnv): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for (const folder of pathFolders(env)) {
    const initdb = join(folder, `initdb${suffix}`);
    if (!(await isExecutable(initdb))) continue;
    // Where it is a link (Homebrew, Nix), the server's other programs are beside the link's target.
    candidates.push({ source: 'PATH', binDir: dirname(await realpath(initdb)) });
  }
  for (const [source, pattern] of knownPlaces(env)) {
    for (const binDir of await expand(pattern)) candidates.push({ source, binDir });
  }
  return candidates;
}

async function versionOf(program: string): Promise<{ version: string; major: number } | null> {
  const result = await runProgram(program, ['--version'], { timeoutMs: versionTimeoutMs }).catch(
    () => undefined,
  );
  return result?.exitCode === 0 ? parseVersion(result.stdout) : null;
}

async function inspect({ source, binDir }: Candidate): Promise<PostgresInstallation | null> {
  const needed = ['postgres', 'initdb'].map((name) => join(binDir, `${name}${suffix}`));
  const there = await Promise.all(needed.map(isExecutable));
  if (there.includes(false)) return null;
  const found = await versionOf(join(binDir, `postgres${suffix}`));
  if (!found || !isSupported(found.major)) return null;
  const tools = ['pg_dump', 'pg_restore'].map((name) => join(binDir, `${name}${suffix}`));
  const hasClientTools = !(await Promise.all(tools.map(isExecutable))).includes(false);
  return { source, binDir, ...found, hasClientTools };
}

async function inspectRequested(binDir: string): Promise<PostgresInstallation> {
  const found = await inspect({ source: 'BELAY_PG_BIN', binDir });
  if (found) return found;
  const { oldest, newest } = supportedMajors;
  throw new BelayError(
    'POSTGRES_NOT_FOUND',
    `BELAY_PG_BIN is ${binDir}, which holds no PostgreSQL server ${oldest} to ${newest}`,
    { hint: 'Set it to the folder of the programs postgres and initdb, or unset it.' },
  );
}

/**
 * PostgreSQL servers on this machine that Belay can run, the one to prefer first: BELAY_PG_BIN, then
 * installed ones from new to old, then the one that came with Belay's npm package.
 *
 * @returns possibly none
 * @throws BelayError POSTGRES_NOT_FOUND where BELAY_PG_BIN is set to something else
 */
export async function findInstallations(env: NodeJS.ProcessEnv): Promise<PostgresInstallation[]> {
  const requested = env.BELAY_PG_BIN ? [await inspectRequested(env.BELAY_PG_BIN)] : [];
  const candidates = await findCandidates(env);
  const inspected = await Promise.all(candidates.map(inspect));
  const installed = inspected
    .filter((installation) => installation !== null)
    .sort((a, b) => versionOrder(b.version) - versionOrder(a.version));
  const shipped = await findShippedInstallation();
  const all = [...requested, ...installed, ...(shipped ? [shipped] : [])];
  const seen = new Set<string>();
  return all.filter(({ binDir }) => !seen.has(binDir) && seen.add(binDir));
}

/**
 * Debian's /usr/bin/pg_dump picks a version each time it runs, by its own rules: what it says its version is need not
 * be what it runs later. What it can pick is found in the folders of the versions.
 */
async function isWrapper(path: string): Promise<boolean> {
  return realpath(path).then(
    (real) => basename(real) === 'pg_wrapper',
    () => false,
  );
}

async function inspectTool(folder: string, name: ClientTool['name']): Promise<ClientTool[]> {
  const path = join(folder, `${name}${suffix}`);
  if (!(await isExecutable(path)) || (await isWrapper(path))) return [];
  const version = await versionOf(path);
  return version ? [{ name, path, ...version }] : [];
}

/**
 * Every pg_dump, pg_restore and psql on PATH and in installed servers, the newest first.
 */
export async function findClientTools(env: NodeJS.ProcessEnv): Promise<ClientTool[]> {
  const places = await Promise.all(knownPlaces(env).map(([, pattern]) => expand(pattern)));
  const requested = env.BELAY_PG_BIN ? [env.BELAY_PG_BIN] : [];
  const folders = new Set([...requested, ...pathFolders(env), ...places.flat()]);
  const found = await Promise.all(
    [...folders].flatMap((folder) => clientToolNames.map((name) => inspectTool(folder, name))),
  );
  return found.flat().sort((a, b) => versionOrder(b.version) - versionOrder(a.version));
}
