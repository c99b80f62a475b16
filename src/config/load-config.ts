import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { BelayError } from '../errors.js';
import { type BelayConfig, configFileName } from './config.js';
import { projectFolders } from './project-folders.js';

export interface LoadedConfig {
  /** Absolute path of the file. */
  readonly path: string;
  /** Its folder: relative paths in the config start here. */
  readonly directory: string;
  /** As written: `${NAME}` is not expanded, see expandReferences. */
  readonly config: BelayConfig;
}

export interface LoadConfigInput {
  /** Default: the working directory. */
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/**
 * Finds `belay.config.json` from `cwd` upward (as far as the root of the git repository or the home
 * directory) and checks it.
 * @returns undefined when there is none
 * @throws BelayError BAD_CONFIG naming file and key
 */
export async function loadConfig(input: LoadConfigInput = {}): Promise<LoadedConfig | undefined> {
  for (const directory of await projectFolders(input.cwd ?? process.cwd(), input.env)) {
    const file = path.join(directory, configFileName);
    const text = await readIfThere(file);
    if (text !== undefined) {
      return { path: file, directory, config: await checkConfig(file, text) };
    }
  }
  return undefined;
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new BelayError('BAD_CONFIG', `cannot read ${file} (${code ?? 'unknown reason'})`, {
      hint: 'Check that it is a file and that you may read it.',
      cause: error,
    });
  }
}

async function checkConfig(file: string, text: string): Promise<BelayConfig> {
  const document = parseJson(file, text.replace(/^\uFEFF/, ''));
  const { validateConfig } = await import('./config-schema.js');
  const result = validateConfig(document);
  if (!isIssues(result)) return result;
  const problems = result.map(({ key, expected }) => (key ? `${key}: ${expected}` : expected));
  throw new BelayError('BAD_CONFIG', `${file} is not valid: ${problems.join('; ')}`, {
    hint: 'Correct it by hand, or write it anew with `belay init --force`.',
    details: { file, issues: result },
  });
}

function isIssues<T>(result: BelayConfig | readonly T[]): result is readonly T[] {
  return Array.isArray(result);
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own message quotes the text, which may hold a password: only its position is kept.
    const offset = Number(/position (\d+)/.exec((error as Error).message)?.[1] ?? text.length);
    const before = text.slice(0, offset).split('\n');
    const column = (before.at(-1)?.length ?? 0) + 1;
    throw new BelayError(
      'BAD_CONFIG',
      `${file} is not JSON: see line ${before.length}, column ${column}`,
      { hint: 'Comments and trailing commas are not allowed in it.' },
    );
  }
}
