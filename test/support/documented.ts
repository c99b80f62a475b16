import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProgram } from '../../src/process/run.js';

/** A file of the project. */
export const read = (name: string) => readFile(new URL(`../../${name}`, import.meta.url), 'utf8');

/** The code block after `<!-- test: name -->`. */
export async function block(file: string, name: string): Promise<string> {
  const match = new RegExp(`<!-- test: ${name} -->\\n\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``).exec(
    await read(file),
  );
  if (!match?.[1]) throw new Error(`${file} has no block "${name}"`);
  return match[1];
}

/** A command line of the documentation as arguments: quotes and a comment at the end. */
export function toArguments(line: string): string[] {
  const words = line.replace(/\s#.*$/, '').match(/'[^']*'|\S+/g) ?? [];
  return words.slice(1).map((word) => word.replace(/^'(.*)'$/, '$1'));
}

/** Runs an example with the library as it is built. */
export async function runExample(
  file: string,
  name: string,
  { folder, env }: { readonly folder: string; readonly env: NodeJS.ProcessEnv },
) {
  const library = new URL('../../dist/index.js', import.meta.url).href;
  const code = (await block(file, name)).replace("'belaydb'", `'${library}'`);
  await writeFile(join(folder, 'example.mjs'), code);
  const place = { env: { ...process.env, ...env }, cwd: folder };
  return runProgram(process.execPath, [join(folder, 'example.mjs')], place);
}
