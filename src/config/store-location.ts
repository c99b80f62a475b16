import path from 'node:path';
import { dataHome } from './data-home.js';
import { loadConfig } from './load-config.js';
import { readVariables } from './variables.js';

export interface StoreLocationInput {
  /** `--store`: wins over everything else. */
  readonly store?: string | undefined;
  readonly cwd?: string | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

/**
 * Where archives and the ledger live: `--store`, else BELAY_STORE (also from `.env`), else the config's `store`, else a
 * folder among the user's data. A relative folder starts where it is written: at the working directory, or at the config.
 * @throws BelayError BAD_CONFIG
 */
export async function findStoreLocation(input: StoreLocationInput): Promise<string> {
  const { cwd = process.cwd(), env = process.env } = input;
  if (input.store) return locate(input.store, cwd);
  const variable = (await readVariables(cwd, env))('BELAY_STORE')?.value;
  if (variable) return locate(variable, cwd);
  const loaded = await loadConfig({ cwd, env });
  if (loaded?.config.store) return locate(loaded.config.store, loaded.directory);
  return path.join(dataHome(env), 'store');
}

const isUrl = (text: string): boolean => /^[a-z][a-z0-9+.-]*:\/\//i.test(text);

function locate(text: string, folder: string): string {
  return isUrl(text) ? text : path.resolve(folder, text);
}
