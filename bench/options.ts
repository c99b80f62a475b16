import path from 'node:path';
import { parseArgs } from 'node:util';

/** Which file systems to measure: the one at hand, XFS with reflink, or both. */
type FileSystemChoice = 'reflink' | 'plain';

/** Whether what is read comes from the page cache or from the disk. */
export type Caches = 'warm' | 'cold';

const parts = [
  ...(['snapshots', 'checkpoints', 'schema', 'impact', 'rehearsal', 'branches', 'server'] as const),
] as const;

export interface BenchOptions {
  /** What is measured. */
  readonly part: (typeof parts)[number];
  /** Of the larger database; the smaller one is a quarter of it. Checkpoints are measured on the larger one. */
  readonly sizeBytes: number;
  /** Of the table on which plans, record backups and data rollbacks are measured. */
  readonly rows: number;
  readonly only: FileSystemChoice | undefined;
  readonly outFile: string;
  readonly runs: number;
  readonly caches: Caches;
}

export const usage = `npm run bench -- [snapshots|checkpoints|schema|impact|rehearsal|branches|server] [options]
  --size 1GB           size of the larger database (MB, GB: powers of ten); the smaller is a quarter; not of schemas, impact and server
  --rows 5000000       rows of the table, of impact and rehearsal only
  --only reflink|plain of snapshots: only XFS with reflink, or only the file system at hand (the temp folder's)
  --caches warm|cold   page cache before each operation; cold needs root on Linux (default warm)
  --runs N             runs of each operation; the median is reported (default 3)
  --out FILE           JSON of all runs (default bench-results/<time>.json)`;

/** A wrong command line; its message is all that the user needs. */
export class UsageError extends Error {}

const units: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9 };

/** "100MB" and "1.5 GB" in bytes. @throws UsageError */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([KMG]B)$/i.exec(text.trim());
  const sizeBytes = Number(match?.[1]) * (units[match?.[2]?.toUpperCase() ?? ''] ?? Number.NaN);
  if (sizeBytes > 0) return Math.round(sizeBytes);
  throw new UsageError(`"${text}" is no size; write it like 100MB or 3GB`);
}

function oneOf<const T extends string>(what: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined) return found;
  throw new UsageError(`${what} is ${choices.join(' or ')}, not "${text}"`);
}

function parseRuns(text: string): number {
  const runs = Number(text);
  if (Number.isInteger(runs) && runs >= 1 && runs <= 100) return runs;
  throw new UsageError(`--runs is a number from 1 to 100, not "${text}"`);
}

const defaultRows = 5_000_000;

function parseRows(text: string): number {
  const rows = Number(text);
  if (Number.isInteger(rows) && rows >= 1000) return rows;
  throw new UsageError(`--rows is a number from 1000 on, not "${text}"`);
}

function readArguments(args: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = { size: text, rows: text, only: text, caches: text, runs: text, out: text };
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** A quarter of anything smaller would hardly be more than the catalogs. */
const smallestSizeBytes = 80e6;

/**
 * Reads the command line.
 * @param folder what a relative `--out` is relative to
 * @throws UsageError
 */
export function parseOptions(args: readonly string[], folder: string, now: Date): BenchOptions {
  const { values, positionals } = readArguments(args);
  const [part = 'snapshots', ...rest] = positionals;
  if (rest.length > 0) throw new UsageError(`"${rest.join(' ')}" is one too many`);
  const sizeBytes = parseSize(values.size ?? '1GB');
  if (sizeBytes < smallestSizeBytes) throw new UsageError('--size is 80MB or more');
  const time = now.toISOString().slice(0, 19).replaceAll(':', '-');
  if (part !== 'snapshots' && values.only !== undefined) {
    throw new UsageError('--only is for snapshots: all else is measured where TMPDIR is');
  }
  return {
    part: oneOf('what is measured', part, parts),
    sizeBytes,
    rows: values.rows === undefined ? defaultRows : parseRows(values.rows),
    only:
      values.only === undefined
        ? undefined
        : oneOf<FileSystemChoice>('--only', values.only, ['reflink', 'plain']),
    caches: oneOf('--caches', values.caches ?? 'warm', ['warm', 'cold']),
    runs: parseRuns(values.runs ?? '3'),
    outFile: path.resolve(folder, values.out ?? path.join('bench-results', `${time}.json`)),
  };
}
