import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { putBlock, takeBlock } from '../../domain/marked-block.js';
import { BelayError } from '../../errors.js';
import { isIgnoredByGit } from '../../process/git-ignore.js';
import { replaceFile } from '../../process/replace-file.js';
import type { BranchVariable } from './branch-environment.js';

const envFileMarks = { start: '# belay: current branch', end: '# belay: end' } as const;

export interface WrittenEnvFile {
  readonly file: string;
  /** False where it said the same already. */
  readonly changed: boolean;
  readonly warnings: readonly string[];
}

/**
 * Puts variables into Belay's own block of an `.env` file, or takes the block out. All else in the file stays, byte for
 * byte; a file that Belay made, and nobody has written into, goes with its block.
 * @param variables null: no block
 * @throws BelayError FILE_ERROR
 */
export async function writeEnvFile(
  file: string,
  variables: readonly BranchVariable[] | null,
): Promise<WrittenEnvFile> {
  try {
    const text = await readIfThere(file);
    const wanted = variables === null ? without(text) : withVariables(text, variables);
    const changed = wanted !== text;
    if (changed && wanted === null) await rm(file, { force: true });
    // It holds a password, so nobody else may read it.
    if (changed && wanted !== null) await replaceFile(file, Buffer.from(wanted, 'latin1'), 0o600);
    const warnings = variables === null ? [] : await warningsOf(file, wanted ?? '', variables);
    return { file, changed, warnings };
  } catch (error) {
    if (error instanceof BelayError) throw inFile(file, error);
    const { code = 'unknown reason' } = error as NodeJS.ErrnoException;
    throw new BelayError('FILE_ERROR', `cannot write ${file} (${code})`, {
      hint: 'It gets the URL of the current branch (`branches.envFile` in belay.config.json): check its rights and those of its folder.',
      cause: error,
    });
  }
}

const inFile = (file: string, error: BelayError) =>
  new BelayError(error.code, `${file}: ${error.message}`, { hint: error.hint, cause: error });

const without = (text: string | null) => (text === null ? null : takeBlock(text, envFileMarks));

function withVariables(text: string | null, variables: readonly BranchVariable[]): string {
  // Of a URL, what would mean something within quotes is percent-encoded.
  const lines = variables
    .filter(({ value }) => value !== null)
    .map(({ name, value }) => `${name}="${value}"`);
  return putBlock(text, { marks: envFileMarks, lines, at: 'end' });
}

async function warningsOf(
  file: string,
  text: string,
  variables: readonly BranchVariable[],
): Promise<string[]> {
  const behind = text.slice(text.lastIndexOf(envFileMarks.end));
  const overruled = variables.filter(({ name }) =>
    new RegExp(`^\\s*(?:export\\s+)?${name}\\s*=`, 'm').test(behind),
  );
  const isTracked = (await isIgnoredByGit(file)) === false;
  const name = path.basename(file);
  return [
    ...overruled.map(
      (variable) => `${name} sets ${variable.name} again behind Belay's block, which then wins`,
    ),
    ...(isTracked
      ? [`git does not ignore ${name}, which holds a password: add it to .gitignore`]
      : []),
  ];
}

/** One character for each byte: a file that is not UTF-8 keeps its bytes, and a URL has none beyond ASCII. */
async function readIfThere(file: string): Promise<string | null> {
  return readFile(file, 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}
