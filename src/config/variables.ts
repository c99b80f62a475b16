import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { BelayError } from '../errors.js';
import { projectFolders } from './project-folders.js';

export interface Variable {
  readonly value: string;
  /** Where it was found, for people: "environment" or the path of the file, relative to cwd. */
  readonly source: string;
}

/** Looks a variable up. Undefined when it is not set or empty. */
export type VariableLookup = (name: string) => Variable | undefined;

/** In one folder, a later file wins over an earlier one. */
const fileNames = ['.env', '.env.local'];

/**
 * Variables of the process and of the project's `.env` files. The process wins over files, the
 * nearest folder over the ones above it, `.env.local` over `.env`.
 */
export async function readVariables(
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<VariableLookup> {
  const fromFiles = new Map<string, Variable>();
  const folders = await projectFolders(cwd, env);
  for (const folder of folders.reverse()) {
    for (const fileName of fileNames) {
      const file = path.join(folder, fileName);
      const values = await readEnvFile(file);
      const source = path.relative(cwd, file);
      for (const [name, value] of Object.entries(values)) {
        if (value) fromFiles.set(name, { value, source });
      }
    }
  }
  const raw: VariableLookup = (name) => {
    const value = env[name];
    return value ? { value, source: 'environment' } : fromFiles.get(name);
  };
  return (name) => {
    const found = raw(name);
    if (!found || found.source === 'environment') return found;
    // As dotenv-expand does: a file may build one value from others. An unknown name stays as it is.
    const value = found.value.replace(reference, (whole, other: string) =>
      other === name ? whole : (raw(other)?.value ?? whole),
    );
    return { ...found, value };
  };
}

/** The variables of one `.env` file; none where it is not there. */
export async function readEnvFile(file: string): Promise<NodeJS.Dict<string>> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch {
    // None there, or not for this user: then its variables are not set.
    return {};
  }
  return parseEnv(text.replace(/^\uFEFF/, ''));
}

const reference = /\$\{([A-Za-z_]\w*)\}/g;

/**
 * Replaces `${NAME}` in a value of the config. At the start of the value it stands as it is (it may
 * hold a whole URL); further on it is a part of a URL and percent-encoded, so that a password may hold any character.
 * @param where the value, as an error names it, e.g. `targets.dev.url in belay.config.json`
 * @throws BelayError BAD_CONFIG when a variable is not set
 */
export function expandReferences(text: string, lookup: VariableLookup, where: string): string {
  return text.replace(reference, (whole, name: string, offset: number) => {
    const found = lookup(name);
    if (!found) {
      throw new BelayError('BAD_CONFIG', `${where} refers to ${whole}, which is not set`, {
        hint: `Set ${name} in the environment, or in .env beside the config.`,
        details: { variable: name },
      });
    }
    return offset === 0 ? found.value : encodeURIComponent(found.value);
  });
}
