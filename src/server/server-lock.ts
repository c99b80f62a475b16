import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { BelayError } from '../errors.js';
import { withFolderLock } from '../process/folder-lock.js';
import { isStillRunning, ownIdentity, type ProcessIdentity } from '../process/process-identity.js';

interface Holder {
  readonly process: ProcessIdentity;
  readonly url: string | null;
  readonly nonce: string;
}

export interface ServerLock {
  /** Says where the server listens, for whoever is refused. */
  tell(url: string): Promise<void>;
  release(): Promise<void>;
}

const refreshMs = 10_000;
/** A process of another machine or container cannot be seen; one that lives has touched the file since. */
const staleAfterMs = 60_000;

/**
 * One server for each name in a data folder: two would take each other's place there.
 * @param name file name below the folder `serve`
 * @throws BelayError SERVER_RUNS naming the first
 */
export async function lockServer(home: string, name = 'server'): Promise<ServerLock> {
  const folder = path.join(home, 'serve');
  // The embedded catalog’s server may be another user’s, and has to pass through.
  await mkdir(folder, { recursive: true, mode: 0o711 });
  const file = path.join(folder, `${name}.json`);
  const own: Holder = {
    process: await ownIdentity(),
    url: null,
    nonce: randomBytes(8).toString('hex'),
  };
  const guarded = <T>(work: () => Promise<T>) => withFolderLock(`${file}.lock`, work);
  await guarded(async () => {
    const holder = await readHolder(file);
    if (holder && (await isHeld(holder, file))) throw serverRuns(holder, home);
    await write(file, own);
  });
  const timer = setInterval(() => {
    const now = new Date();
    void utimes(file, now, now).catch(() => undefined);
  }, refreshMs);
  timer.unref();
  const isOwn = async () => (await readHolder(file))?.nonce === own.nonce;
  return {
    tell: (url) => guarded(() => write(file, { ...own, url })),
    release: async () => {
      clearInterval(timer);
      await guarded(async () => {
        if (await isOwn()) await rm(file, { force: true });
      });
    },
  };
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(file, 'utf8'));
    const { process, nonce } = value as Partial<Holder>;
    return typeof process?.pid === 'number' && typeof nonce === 'string'
      ? (value as Holder)
      : undefined;
  } catch {
    return undefined;
  }
}

async function isHeld(holder: Holder, file: string): Promise<boolean> {
  const isRunning = await isStillRunning(holder.process);
  if (isRunning !== undefined) return isRunning;
  const touched = await stat(file).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
  return Date.now() - touched < staleAfterMs;
}

async function write(file: string, holder: Holder): Promise<void> {
  await writeFile(file, `${JSON.stringify(holder)}\n`, { mode: 0o600 });
}

function serverRuns({ process, url }: Holder, home: string): BelayError {
  const where = url === null ? '' : ` at ${url}`;
  return new BelayError(
    'SERVER_RUNS',
    `a server runs${where} on the data folder ${home} already (process ${process.pid} on ${process.host})`,
    {
      hint: 'Use that one, or give this one its own folder by BELAY_HOME; several servers share a catalog by --catalog URL.',
      details: { pid: process.pid, host: process.host, url },
    },
  );
}
