import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BelayError } from '../errors.js';
import { giveTo } from './cluster-folder.js';
import type { PostgresInstallation } from './installation.js';
import { runProgram } from './run.js';
import { serverEnvironment } from './server-environment.js';
import type { ServerUser } from './server-user.js';

export interface NewDataDirectory {
  readonly installation: PostgresInstallation;
  readonly dataDir: string;
  readonly user: ServerUser;
  /** Of the superuser `postgres`. */
  readonly password: string;
  /** Databases to create besides `postgres`. */
  readonly databases: readonly string[];
  /** False only for servers that nobody will miss: a crash of the machine may then lose data. */
  readonly durable: boolean;
  readonly signal?: AbortSignal | undefined;
}

const timeoutMs = 120_000;

/** The major version of a data directory, or null where there is none. */
export async function readDataDirectoryMajor(dataDir: string): Promise<number | null> {
  const text = await readFile(join(dataDir, 'PG_VERSION'), 'utf8').catch(() => '');
  const major = Number.parseInt(text, 10);
  return Number.isInteger(major) ? major : null;
}

/**
 * UTF-8 and an order by code point that no operating system update changes, so that a copy of the
 * data directory never reports a collation mismatch.
 */
function localeArguments(major: number): string[] {
  if (major >= 17) {
    return ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];
  }
  return [process.platform === 'linux' ? '--locale=C.UTF-8' : '--locale=C'];
}

async function runInitdb(options: NewDataDirectory, folder: string): Promise<void> {
  const { installation, user } = options;
  const passwordFile = `${folder}.password`;
  try {
    await writeFile(passwordFile, options.password, { mode: 0o600, flag: 'wx' });
    await giveTo(passwordFile, user);
    await runProgram(
      join(installation.binDir, 'initdb'),
      [
        `--pgdata=${folder}`,
        '--username=postgres',
        '--auth=scram-sha-256',
        `--pwfile=${passwordFile}`,
        '--encoding=UTF8',
        '--no-instructions',
        ...localeArguments(installation.major),
        ...(options.durable ? [] : ['--no-sync']),
      ],
      childOptions(options, folder),
    );
  } finally {
    await rm(passwordFile, { force: true });
  }
}

function childOptions(options: NewDataDirectory, folder: string) {
  return {
    cwd: folder,
    env: serverEnvironment(process.env),
    uid: options.user.uid,
    gid: options.user.gid,
    timeoutMs,
    signal: options.signal,
    mustSucceed: true,
    errorCode: 'LOCAL_SERVER_FAILED',
    errorHint: `Tried with PostgreSQL ${options.installation.version} from ${options.installation.binDir}.`,
  } as const;
}

/** In single-user mode, because nothing listens yet and no password has to travel. */
async function createDatabases(options: NewDataDirectory, folder: string): Promise<void> {
  if (options.databases.length === 0) return;
  const statements = options.databases.map(
    (name) => `CREATE DATABASE "${name.replaceAll('"', '""')}";\n`,
  );
  const durability = options.durable ? [] : ['-c', 'fsync=off'];
  await runProgram(
    join(options.installation.binDir, 'postgres'),
    ['--single', ...durability, '-c', 'exit_on_error=true', '-D', folder, 'postgres'],
    { ...childOptions(options, folder), input: statements.join('') },
  );
}

/** Removes what an interrupted creation left. Call it only under the lock of the cluster. */
export async function removeHalfMadeDataDirectories(dataDir: string): Promise<void> {
  const prefix = `${basename(dataDir)}.new-`;
  const names = await readdir(dirname(dataDir)).catch(() => []);
  for (const name of names.filter((candidate) => candidate.startsWith(prefix))) {
    await rm(join(dirname(dataDir), name), { recursive: true, force: true });
  }
}

/**
 * Makes a data directory. It is built aside and renamed when complete, so a kill at any moment
 * leaves either none or a whole one.
 *
 * @throws BelayError LOCAL_SERVER_FAILED with the end of what initdb printed
 */
export async function createDataDirectory(options: NewDataDirectory): Promise<void> {
  const folder = `${options.dataDir}.new-${randomBytes(4).toString('hex')}`;
  await mkdir(folder, { mode: 0o700 });
  try {
    await giveTo(folder, options.user);
    await runInitdb(options, folder);
    await createDatabases(options, folder);
    await rename(folder, options.dataDir);
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error instanceof BelayError ? error : fileFailure(options.dataDir, error);
  }
}

function fileFailure(dataDir: string, cause: unknown): BelayError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new BelayError(
    'LOCAL_SERVER_FAILED',
    `cannot make the data directory ${dataDir}: ${why}`,
    {
      cause,
    },
  );
}
