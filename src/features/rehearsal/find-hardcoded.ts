import { findUrls } from '../../domain/isolation-address.js';
import { redactUrl } from '../../postgres/settings.js';
import type { DatabasePlace } from './redirect-environment.js';
import { targetMatcher } from './same-database.js';

export interface HardcodedSearch {
  readonly cwd: string;
  readonly command: readonly [string, ...string[]];
  readonly target: DatabasePlace;
  /** The environment that the command gets: a literal that only stands in for a variable that is set does not matter. */
  readonly env: NodeJS.ProcessEnv;
}

/** An address of the target that a command would use whatever its environment says. */
export interface HardcodedAddress {
  /** Relative to cwd; null: it stands in the command itself. */
  readonly file: string | null;
  readonly line: number | null;
  /** Without passwords. */
  readonly what: string;
}

/** Looks for addresses of the target in the command's arguments and in the project's files. */
export async function findHardcoded({
  cwd,
  command,
  target,
  env,
}: HardcodedSearch): Promise<HardcodedAddress[]> {
  const matcher = targetMatcher(target, { cwd, env });
  const found: HardcodedAddress[] = [];
  for (const word of command) {
    for (const { url } of findUrls(word)) {
      if (await matcher.match(url)) found.push({ file: null, line: null, what: redactUrl(url) });
    }
  }
  return found;
}
