import { chooseDumpTools, type DumpTools } from '../../process/client-tools.js';
import type { Target } from '../target/open-target.js';
import type { Work } from '../target/work.js';

const chosen = new WeakMap<Target, Map<number, Promise<DumpTools>>>();

/**
 * The pg_dump and pg_restore for the target's server. Finding them runs every one that is on the machine, so it is done
 * once for each target.
 * @param oldestReader PostgreSQL's version whose pg_restore can read the file, where that may be newer
 */
export function dumpToolsOf({ target, main }: Work, oldestReader = 0): Promise<DumpTools> {
  const major = Math.max(Math.floor(main.serverVersion / 10_000), oldestReader);
  const known = chosen.get(target) ?? new Map<number, Promise<DumpTools>>();
  chosen.set(target, known);
  const tools = known.get(major) ?? chooseDumpTools(major, target.env);
  known.set(major, tools);
  return tools;
}
