/** What the server writes into `postmaster.pid` of its data directory. */
export interface PostmasterFile {
  readonly pid: number;
  readonly dataDir: string;
  /** Seconds since 1970. */
  readonly startedAtSeconds: number;
  readonly port: number | null;
  readonly socketDir: string | null;
  readonly status: 'starting' | 'stopping' | 'ready' | 'standby' | 'unknown';
}

const states = new Set(['starting', 'stopping', 'ready', 'standby']);

/**
 * Reads the text of `postmaster.pid`; its lines are pid, data directory, start time, port, socket
 * directory, listen address, shared memory key, status. The server writes them bit by bit.
 *
 * @returns null where not even the pid is there yet
 */
export function parsePostmasterFile(text: string): PostmasterFile | null {
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  const pid = Math.abs(Number.parseInt(lines[0] ?? '', 10));
  if (!Number.isInteger(pid) || pid === 0) return null;
  const port = Number.parseInt(lines[3] ?? '', 10);
  const status = lines[7] ?? '';
  return {
    pid,
    dataDir: lines[1] ?? '',
    startedAtSeconds: Number.parseInt(lines[2] ?? '', 10) || 0,
    port: Number.isInteger(port) ? port : null,
    socketDir: lines[4] || null,
    status: states.has(status) ? (status as PostmasterFile['status']) : 'unknown',
  };
}
