import { readFileSync } from 'node:fs';

/** The version in Belay's own package.json. */
export function readOwnVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
