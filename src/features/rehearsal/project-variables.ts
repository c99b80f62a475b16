import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { projectFolders } from '../../config/project-folders.js';
import { readEnvFile } from '../../config/variables.js';

/** One value of a variable: several files may give it different ones, and which a program reads is not known. */
export interface ProjectValue {
  readonly name: string;
  readonly value: string;
  /** Path of the file, relative to cwd; null: it is in the environment, which wins over every file. */
  readonly file: string | null;
}

/** Patterns for people to copy; no program reads them. */
const examples = /\.(?:example|sample|template|dist|md|bak|swp)$|~$/i;
const reference = /\$\{([A-Za-z_]\w*)(?::?-[^}]*)?\}|\$([A-Za-z_]\w*)/g;

/**
 * Every value that a variable may have for a program of the project: from the environment and from all `.env` files
 * (`.env`, `.env.local`, `.env.production`, …) of its folders, the nearest first. References to other variables are
 * filled in, as dotenv-expand does.
 */
export async function readProjectValues(
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<ProjectValue[]> {
  const fromEnvironment = Object.entries(env).flatMap(([name, value]): ProjectValue[] =>
    value ? [{ name, value, file: null }] : [],
  );
  const fromFiles: ProjectValue[] = [];
  for (const folder of await projectFolders(cwd, env)) {
    for (const file of await envFiles(folder)) {
      const values = await readEnvFile(file);
      for (const [name, raw] of Object.entries(values)) {
        if (!raw) continue;
        const value = raw.replace(
          reference,
          (whole, braced, plain) => env[braced ?? plain] ?? values[braced ?? plain] ?? whole,
        );
        fromFiles.push({ name, value, file: path.relative(cwd, file) });
      }
    }
  }
  return [...fromEnvironment, ...fromFiles];
}

async function envFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .filter((name) => /^\.env(?:\.|$)/.test(name) && !examples.test(name))
    .sort()
    .map((name) => path.join(folder, name));
}
