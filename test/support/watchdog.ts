import { type ChildProcess, spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';

let watchdog: ChildProcess | undefined;

/**
 * Has something removed when this process is gone, even by kill -9: a folder with its server, or ("@" before it) a mount
 * point; "-" before it: no longer needed.
 */
export function tellWatchdog(line: string): void {
  if (!watchdog) {
    const program = fileURLToPath(new URL('watchdog.mjs', import.meta.url));
    watchdog = spawn(process.execPath, [program], {
      // Its own session: what kills the group of the test run must not kill the watchdog.
      detached: true,
      cwd: tmpdir(),
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    watchdog.unref();
    (watchdog.stdin as unknown as { unref(): void }).unref();
  }
  watchdog.stdin?.write(`${line}\n`);
}
