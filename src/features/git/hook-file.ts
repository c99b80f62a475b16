import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import {
  chainLines,
  type GitHook,
  gitHooks,
  type HookCall,
  hookLines,
  hookMarks,
  isShellScript,
  lefthookLines,
  scriptHead,
} from '../../domain/git-hook-script.js';
import { hasBlock, putBlock, takeBlock } from '../../domain/marked-block.js';
import { BelayError } from '../../errors.js';
import { replaceFile } from '../../process/replace-file.js';
import type { HookPlace } from './hook-places.js';

/** What the hook that was there is called, where lines cannot be put into it. */
const previousSuffix = '.before-belay';

/** Texts are handled with one character for each byte: somebody's script stays as it is, whatever its encoding. */
const toBytes = (text: string) => Buffer.from(text, 'latin1');
const asBytes = (line: string) => Buffer.from(line, 'utf8').toString('latin1');

/** @returns null where there is no file */
export async function readHookFile(file: string): Promise<string | null> {
  return readFile(file, 'latin1').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return null;
    throw cannot('read', file, error);
  });
}

/**
 * Puts Belay's lines into the file of a hook, in front of what is there. A hook in another language stays as it is, under
 * another name, and is called.
 * @returns whether the file has changed
 * @throws BelayError HOOKS_TAKEN, FILE_ERROR
 */
export async function installHook(place: HookPlace, call: HookCall): Promise<boolean> {
  const { file, manager, isPlainShell } = place;
  const text = await readHookFile(file);
  if (manager === 'lefthook') throw new BelayError('BUG', 'lefthook has one file for all hooks');
  const isOurs = text !== null && hasBlock(text, hookMarks);
  const isReadable = text === null || isOurs || isPlainShell || isShellScript(text);
  const isRun = text === null || isPlainShell || (await isExecutable(file));
  if (!isReadable || !isRun) return chainHook(place, call);
  const previous = `${place.hook}${previousSuffix}`;
  const hasPrevious = await isThere(path.join(path.dirname(file), previous));
  const lines = [...hookLines(call), ...(hasPrevious ? chainLines(previous) : [])].map(asBytes);
  const head = isPlainShell ? '' : scriptHead;
  const wanted = putBlock(text, { marks: hookMarks, lines, at: 'start', head });
  if (wanted === text) return false;
  await write(file, wanted);
  return true;
}

/** The hook is no script of a shell, or git does not run it because it may not be executed. */
async function chainHook({ file, hook }: HookPlace, call: HookCall): Promise<boolean> {
  const previous = `${hook}${previousSuffix}`;
  const kept = path.join(path.dirname(file), previous);
  if (await isThere(kept)) {
    throw new BelayError('HOOKS_TAKEN', `${kept} is there already, and ${file} is another hook`, {
      hint: 'Nothing was changed. Decide which of the two is meant, and remove the other.',
    });
  }
  const lines = [...hookLines(call), ...chainLines(previous)].map(asBytes);
  const script = putBlock(null, { marks: hookMarks, lines, at: 'start', head: scriptHead });
  await rename(file, kept).catch((error: NodeJS.ErrnoException) => {
    throw cannot('rename', file, error);
  });
  try {
    await write(file, script);
  } catch (error) {
    // Rather no hook of Belay's than none of the user's.
    await rename(kept, file).catch(() => {});
    throw error;
  }
  return true;
}

/**
 * Puts both hooks into lefthook's local file. A hook that this file has already would be there twice, of which YAML knows
 * only one.
 * @throws BelayError HOOKS_TAKEN with what to write by hand
 */
export async function installLefthook(file: string, calls: readonly HookCall[]): Promise<boolean> {
  const text = await readHookFile(file);
  const lines = calls.flatMap((call) => lefthookLines(call)).map(asBytes);
  const rest = text === null ? null : takeBlock(text, hookMarks);
  const isYaml = /\.ya?ml$/.test(file);
  const taken = gitHooks.filter((hook) =>
    new RegExp(`^["']?${hook}["']?\\s*:`, 'm').test(rest ?? ''),
  );
  if (!isYaml || taken.length > 0) throw lefthookTaken(file, taken, calls);
  const wanted = putBlock(text, { marks: hookMarks, lines, at: 'end' });
  if (wanted === text) return false;
  await write(file, wanted, 0o644);
  return true;
}

function lefthookTaken(
  file: string,
  taken: readonly GitHook[],
  calls: readonly HookCall[],
): BelayError {
  const why = taken.length > 0 ? `has ${taken.join(' and ')} already` : 'is not YAML';
  const { hook = 'post-checkout' } = calls[0] ?? {};
  return new BelayError('HOOKS_TAKEN', `${file} ${why}`, {
    hint: `Nothing was changed. Add this command to it by hand: belay: { run: "belay git hook ${hook} {0} || true" }, and run \`lefthook install\`.`,
    details: { file, taken },
  });
}

/**
 * Takes Belay's lines out of a file; what was there before is there again, byte for byte.
 * @returns whether there were any
 */
export async function uninstallHook(file: string): Promise<boolean> {
  const text = await readHookFile(file);
  if (text === null || !hasBlock(text, hookMarks)) return false;
  const isScript = text.startsWith(scriptHead);
  const rest = takeBlock(text, hookMarks, isScript ? scriptHead : '');
  const kept = `${file}${previousSuffix}`;
  try {
    if (rest !== null) await replaceFile(file, toBytes(rest), 0o755);
    else if (await isThere(kept)) await rename(kept, file);
    else await rm(file, { force: true });
  } catch (error) {
    throw cannot('write', file, error as NodeJS.ErrnoException);
  }
  return true;
}

async function write(file: string, text: string, mode = 0o755): Promise<void> {
  try {
    await mkdir(path.dirname(file), { recursive: true });
    await replaceFile(file, toBytes(text), mode);
  } catch (error) {
    throw cannot('write', file, error as NodeJS.ErrnoException);
  }
}

function cannot(what: string, file: string, error: NodeJS.ErrnoException): BelayError {
  return new BelayError(
    'FILE_ERROR',
    `cannot ${what} ${file} (${error.code ?? 'unknown reason'})`,
    {
      hint: 'Check the rights of the file and of its folder.',
      cause: error,
    },
  );
}

async function isExecutable(file: string): Promise<boolean> {
  if (process.platform === 'win32') return true;
  return stat(file).then(
    ({ mode }) => (mode & 0o111) !== 0,
    () => false,
  );
}

async function isThere(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
