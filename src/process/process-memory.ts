import { readFile } from 'node:fs/promises';
import { findProcessesIn } from './postmaster.js';

/** "Pss: 123 kB" of smaps_rollup, or "VmRSS: 123 kB" of status. */
function kilobytes(text: string, name: string): number | undefined {
  const found = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
  return found === undefined ? undefined : Number(found);
}

/**
 * Memory of one process. Pages that several share count by their share, where that may be read (own processes, or as
 * root); else in full, so that a server's sum is too high by its shared buffers.
 */
async function memoryOf(pid: number): Promise<number> {
  const shares = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '');
  const proportional = kilobytes(shares, 'Pss');
  if (proportional !== undefined) return proportional * 1024;
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return (kilobytes(status, 'VmRSS') ?? 0) * 1024;
}

/** Bytes of memory of the server on a data directory, all its processes; null where none runs, or not on Linux. */
export async function measureServerMemory(dataDir: string): Promise<number | null> {
  const pids = await findProcessesIn(dataDir);
  if (pids.length === 0) return null;
  const bytes = await Promise.all(pids.map(memoryOf));
  return bytes.reduce((sum, one) => sum + one, 0);
}
