import { lstat } from 'node:fs/promises';
import { BelayError } from '../errors.js';
import { runProgram } from './run.js';

/** A run of blocks of a file. */
export interface Extent {
  /** Where it lies on the device, in bytes. */
  readonly start: number;
  readonly bytes: number;
  /** Some other file, or another place of this one, has the same blocks. */
  readonly isShared: boolean;
}

export interface ReadExtentsOptions {
  readonly signal?: AbortSignal | undefined;
}

/** Of e2fsprogs, which every Linux distribution has, for every file system. Ordinary users rarely have sbin on the PATH. */
const programs = ['/usr/sbin/filefrag', '/sbin/filefrag', 'filefrag'];
const unitBytes = 512;
/** What fits on a command line everywhere, and does not print more than is read at once. */
const filesPerCall = 250;
const maxOutputBytes = 128 * 1024 * 1024;
const timeoutMs = 60_000;
/** "   0:        0..     199:         24..       223:    200:             shared" */
const extentLine = /^ *\d+: +\d+\.\. *\d+: +(\d+)\.\. *\d+: +(\d+): +(?:\d+:)? *([a-z0-9_,]*)$/gm;
const endLine = /: \d+ extents? found(?:, perfection would be \d+ extents?)?$/gm;

/**
 * Where the blocks of files lie. Nothing is written to disk for it, so what a server has just written may still be
 * without a place and counts as nobody else's.
 *
 * @param files absolute paths; those that are gone by now are left out
 * @returns null where the system or the file system does not tell
 */
export async function readExtents(
  files: readonly string[],
  options: ReadExtentsOptions = {},
): Promise<readonly Extent[] | null> {
  if (files.length === 0) return [];
  if (process.platform !== 'linux') return null;
  // A name with a line of its own could pass for an extent.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to leave out
  if (files.some((file) => !file.startsWith('/') || /[\u0000-\u001f]/.test(file))) return null;
  const extents: Extent[] = [];
  for (let at = 0; at < files.length; at += filesPerCall) {
    const some = files.slice(at, at + filesPerCall);
    const output = await runFilefrag(some, options);
    if (output === null) return null;
    const told = [...output.matchAll(endLine)].length;
    if (told < some.length && told < (await countExisting(some))) return null;
    for (const found of parseExtents(output)) extents.push(found);
  }
  return extents;
}

/** Reads what `filefrag -v -b512` prints. */
function parseExtents(output: string): Extent[] {
  return [...output.matchAll(extentLine)].map(([, start = '', blocks = '', flags = '']) => ({
    start: Number(start) * unitBytes,
    bytes: Number(blocks) * unitBytes,
    isShared: flags.split(',').includes('shared'),
  }));
}

async function runFilefrag(
  files: readonly string[],
  { signal }: ReadExtentsOptions,
): Promise<string | null> {
  const env = { PATH: process.env.PATH, LC_ALL: 'C' };
  for (const program of programs) {
    try {
      // Without exit code: one file that vanishes makes it 1, and says nothing of the others.
      const options = { env, signal, maxOutputBytes, timeoutMs, errorCode: 'FILE_ERROR' } as const;
      return (await runProgram(program, ['-v', `-b${unitBytes}`, ...files], options)).stdout;
    } catch (error) {
      if (!(error instanceof BelayError) || error.code !== 'FILE_ERROR') throw error;
      // Anything else than a missing program is a disk that does not answer, or says too much.
      if (error.details.reason !== 'missing') return null;
    }
  }
  return null;
}

async function countExisting(files: readonly string[]): Promise<number> {
  const found = await Promise.all(files.map((file) => lstat(file).catch(() => undefined)));
  return found.filter((stats) => stats !== undefined).length;
}
