import type { Api } from '../http/api.js';

/** Every route of the API, one noun a file. */
export function addAllRoutes(api: Api): void {
  for (const add of nouns) add(api);
}

const nouns: readonly ((api: Api) => void)[] = [];
