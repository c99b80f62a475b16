import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BelayError } from '../errors.js';
import type { PostgresInstallation } from './installation.js';
import { interruption } from './interruption.js';
import { findProcessesIn, forgetReusedPid, isRunning, readPostmasterState } from './postmaster.js';
import type { PostmasterFile } from './postmaster-file.js';
import { lastLines } from './program-failure.js';
import { type DetachedProgram, runProgram, startDetached } from './run.js';
import { serverEnvironment } from './server-environment.js';
import type { ServerUser } from './server-user.js';

export interface ServerStart {
  readonly installation: PostgresInstallation;
  readonly dataDir: string;
  readonly socketDir: string;
  /** Receives everything the server prints; exists and belongs to the server's user. */
  readonly logFile: string;
  readonly port: number;
  readonly user: ServerUser;
  /** Server settings that win over those of the data directory. */
  readonly settings?: Readonly<Record<string, string>> | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const pollMs = 50;
const startTimeoutMs = 60_000;
/** A fast shutdown writes a checkpoint: minutes on a slow disk, but not for ever. */
const fastStopMs = 30_000;
const immediateStopMs = 10_000;
const orphansPatienceMs = 3_000;
const orphansTimeoutMs = 10_000;

/** The end of what the server has printed since its log had a given size. */
async function logTail(logFile: string, fromByte: number): Promise<string> {
  const bytes = await readFile(logFile).catch(() => Buffer.alloc(0));
  return lastLines(bytes.subarray(fromByte).toString('utf8'));
}

function serverArguments(options: ServerStart): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    unix_socket_directories: process.platform === 'win32' ? '' : options.socketDir,
    ...options.settings,
  };
  const assignments = Object.entries(settings).flatMap(([name, value]) => [
    '-c',
    `${name}=${value}`,
  ]);
  return ['-D', options.dataDir, ...assignments];
}

/**
 * After `kill -9` of a postmaster its children go on for a moment, or until their query is done, and
 * hold the shared memory without which no new server may start. They have nobody to report to and
 * the new server recovers from the log as after any crash, so those that stay are ended.
 */
async function waitForOrphans(dataDir: string): Promise<void> {
  const startedAt = performance.now();
  let asked = false;
  while (performance.now() - startedAt < orphansTimeoutMs) {
    const pids = await findProcessesIn(dataDir);
    if (pids.length === 0) return;
    if (!asked && performance.now() - startedAt > orphansPatienceMs) {
      asked = true;
      for (const pid of pids) signalProcess(pid, 'SIGQUIT');
    }
    await sleep(pollMs);
  }
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ESRCH') return;
    throw new BelayError('PERMISSION_DENIED', `may not stop the server with process id ${pid}`, {
      hint: 'Run the command as the user who started the server.',
      cause: error,
    });
  }
}

/**
 * Waits until a server that runs or is being started accepts connections.
 *
 * @param ended whether the process that was started has ended; then waiting is pointless
 * @throws BelayError LOCAL_SERVER_FAILED with the end of the log
 */
export async function waitUntilReady(
  options: Pick<ServerStart, 'dataDir' | 'logFile' | 'timeoutMs' | 'signal'>,
  logFromByte: number,
  ended: () => boolean = () => false,
): Promise<PostmasterFile> {
  const timeoutMs = options.timeoutMs ?? startTimeoutMs;
  const startedAt = performance.now();
  while (performance.now() - startedAt < timeoutMs) {
    if (options.signal?.aborted)
      throw interruption(options.signal.reason, 'the server was starting');
    const isOver = ended();
    const { running, file } = await readPostmasterState(options.dataDir);
    if (running && file?.status === 'ready') return file;
    if (isOver) throw await startFailure(options, logFromByte, 'ended while starting');
    await sleep(pollMs);
  }
  throw await startFailure(options, logFromByte, `was not ready after ${timeoutMs / 1000} s`);
}

async function startFailure(
  options: Pick<ServerStart, 'dataDir' | 'logFile'>,
  logFromByte: number,
  what: string,
): Promise<BelayError> {
  const tail = await logTail(options.logFile, logFromByte);
  return new BelayError(
    'LOCAL_SERVER_FAILED',
    `the server on ${options.dataDir} ${what}${tail ? `:\n${tail}` : ''}`,
    { hint: `The whole log is in ${options.logFile}.`, details: { logFile: options.logFile } },
  );
}

/**
 * Starts a server that outlives this process, and waits until it accepts connections. The caller
 * holds the cluster's lock and has seen that none runs.
 *
 * @throws BelayError LOCAL_SERVER_FAILED with the end of the log; INTERRUPTED
 */
export async function startServer(options: ServerStart): Promise<PostmasterFile> {
  await waitForOrphans(options.dataDir);
  await forgetReusedPid(options.dataDir);
  const logFromByte = (await stat(options.logFile)).size;
  const log = await open(options.logFile, 'a');
  let program: DetachedProgram;
  try {
    program = await startDetached(
      join(options.installation.binDir, 'postgres'),
      serverArguments(options),
      {
        cwd: options.dataDir,
        env: serverEnvironment(process.env),
        uid: options.user.uid,
        gid: options.user.gid,
        outputFd: log.fd,
      },
    );
  } finally {
    await log.close();
  }
  try {
    return await waitUntilReady(options, logFromByte, () => program.ended() !== undefined);
  } catch (error) {
    // An interrupted start leaves no server behind; a slow one goes on, e.g. with its recovery.
    if (options.signal?.aborted) await stopServer(options.dataDir, options.installation.binDir);
    throw error;
  }
}

async function isGoneWithin(dataDir: string, pid: number, timeoutMs: number): Promise<boolean> {
  const startedAt = performance.now();
  while (performance.now() - startedAt < timeoutMs) {
    // The file goes before the process does; a restart is safe only when both have.
    const { running } = await readPostmasterState(dataDir);
    if (!running && !(await isRunning(pid))) return true;
    await sleep(pollMs);
  }
  return false;
}

export interface ServerStop {
  /** False where none ran. */
  readonly stopped: boolean;
  /** The fast shutdown took too long: sessions were cut and the next start recovers. */
  readonly immediate: boolean;
}

/**
 * Stops the server of a data directory: a fast shutdown, and where that takes more than 30 s an
 * immediate one. Data is kept.
 *
 * @param mode "immediate" for a server whose data nobody needs
 * @throws BelayError LOCAL_SERVER_FAILED where it survives both; PERMISSION_DENIED
 */
export async function stopServer(
  dataDir: string,
  binDir?: string,
  mode: 'fast' | 'immediate' = 'fast',
): Promise<ServerStop> {
  const { running, file } = await readPostmasterState(dataDir);
  if (!running || !file) return { stopped: false, immediate: false };
  const stop = async (signal: 'SIGINT' | 'SIGQUIT', how: 'fast' | 'immediate', ms: number) => {
    if (process.platform === 'win32' && binDir) await pgCtlStop(binDir, dataDir, how, ms);
    else signalProcess(file.pid, signal);
    return isGoneWithin(dataDir, file.pid, ms);
  };
  if (mode === 'fast' && (await stop('SIGINT', 'fast', fastStopMs)))
    return { stopped: true, immediate: false };
  if (await stop('SIGQUIT', 'immediate', immediateStopMs))
    return { stopped: true, immediate: true };
  throw new BelayError('LOCAL_SERVER_FAILED', `the server on ${dataDir} does not stop`, {
    hint: `Its process id is ${file.pid}.`,
  });
}

/** Windows has no signals; the server's own tool speaks to it through a pipe. */
async function pgCtlStop(binDir: string, dataDir: string, mode: string, ms: number): Promise<void> {
  const args = ['stop', `--pgdata=${dataDir}`, `--mode=${mode}`, '--no-wait'];
  await runProgram(join(binDir, 'pg_ctl'), args, { timeoutMs: ms });
}
