import { join } from 'node:path';
import { dataHome } from '../../config/data-home.js';
import type { InstallationSource } from '../../process/installation.js';

/** A PostgreSQL server of Belay's own, for people without one. */
export interface LocalServer {
  /** Of the database `app`, with the password of its superuser. Null where no server runs. */
  readonly url: string | null;
  /** e.g. "18.4"; null where none was ever made. */
  readonly version: string | null;
  readonly dataDir: string;
  readonly running: boolean;
  readonly port: number | null;
  /** Where its programs come from. */
  readonly source: InstallationSource | null;
  readonly logFile: string;
  readonly socketDir: string | null;
}

export interface LocalServerPlace {
  /** Belay's data folder; default as documented for BELAY_HOME. */
  readonly home?: string | undefined;
  /** Default: the process's own. */
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/** Root's servers run as another user, who may not enter root's own folders. */
const rootHome = '/var/lib/belay';

/** The first database of a local server, beside `postgres`. */
export const firstDatabase = 'app';

/** The data folder for local servers, and in it the folder of the one. */
export function localServerPlace({ home, env = process.env }: LocalServerPlace): {
  readonly home: string;
  readonly folder: string;
} {
  const isRoot = process.getuid?.() === 0;
  const chosen = home ?? (isRoot && !env.BELAY_HOME ? rootHome : dataHome(env));
  return { home: chosen, folder: join(chosen, 'local') };
}

/** The URL of the first database. Holds the password: for stdout, never for a log or an error. */
export function localServerUrl(port: number, password: string): string {
  return `postgres://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/${firstDatabase}`;
}
