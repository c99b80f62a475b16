import { readdir, readFile } from 'node:fs/promises';

export interface MemoryResult {
  /** Resident memory of the server's own process. */
  readonly nodeBytes: number;
  /**
   * Of the embedded catalog's processes. What they share with one another is counted once (proportional set size).
   */
  readonly catalogBytes: number;
  readonly catalogProcesses: number;
}

async function read(file: string): Promise<string> {
  // A process that has just ended has no memory.
  return readFile(file, 'utf8').catch(() => '');
}

async function kilobytes(file: string, name: string): Promise<number> {
  const text = await read(file);
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
}

/**
 * Memory of an idle server. Linux only.
 * @param catalogFolder PGDATA of the embedded catalog
 */
export async function measureMemory(pid: number, catalogFolder: string): Promise<MemoryResult> {
  const postmaster = Number((await read(`${catalogFolder}/postmaster.pid`)).split('\n')[0]);
  const processes = postmaster ? [postmaster, ...(await childrenOf(postmaster))] : [];
  let catalogKilobytes = 0;
  for (const one of processes) {
    catalogKilobytes += await kilobytes(`/proc/${one}/smaps_rollup`, 'Pss');
  }
  return {
    nodeBytes: (await kilobytes(`/proc/${pid}/status`, 'VmRSS')) * 1024,
    catalogBytes: catalogKilobytes * 1024,
    catalogProcesses: processes.length,
  };
}

async function childrenOf(parent: number): Promise<number[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found: number[] = [];
  for (const name of names) {
    if ((await parentIn(`/proc/${name}/status`)) === parent) found.push(Number(name));
  }
  return found;
}

async function parentIn(file: string): Promise<number> {
  return Number(/^PPid:\s+(\d+)$/m.exec(await read(file))?.[1] ?? -1);
}
