import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';

/** What the numbers depend on besides the software; nothing that names the machine. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryBytes: number;
  readonly platform: string;
  readonly kernel: string;
  readonly node: string;
  /** Of the last minute before the comparison began; 0 where the system does not say. */
  readonly loadAverage: number;
}

export function describeMachine(): Machine {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryBytes: totalmem(),
    platform: `${process.platform} ${process.arch}`,
    kernel: release(),
    node: process.version,
    loadAverage: loadavg()[0] ?? 0,
  };
}

/** What else runs, as a warning; undefined where the machine is idle enough to measure on. */
export function describeLoad({ loadAverage, cores }: Machine): string | undefined {
  if (loadAverage < cores / 4) return undefined;
  return `the machine is busy (load ${loadAverage.toFixed(1)} on ${cores} cores): times will be too long, and the ratios uncertain`;
}
