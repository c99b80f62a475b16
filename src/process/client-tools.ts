import { dirname } from 'node:path';
import { BelayError } from '../errors.js';
import { type ClientTool, findClientTools } from './postgres-installation.js';

/** A pg_dump and the pg_restore that reads everything it writes. */
export interface DumpTools {
  readonly pgDump: ClientTool;
  readonly pgRestore: ClientTool;
}

async function findPairs(env: NodeJS.ProcessEnv): Promise<DumpTools[]> {
  const tools = await findClientTools(env);
  const pairs: DumpTools[] = [];
  for (const pgDump of tools.filter(({ name }) => name === 'pg_dump')) {
    const pgRestore = tools.find(
      ({ name, path, version }) =>
        name === 'pg_restore' &&
        dirname(path) === dirname(pgDump.path) &&
        version === pgDump.version,
    );
    if (pgRestore) pairs.push({ pgDump, pgRestore });
  }
  return pairs;
}

/**
 * Picks among pairs that are sorted from new to old: of the server's own version, else of the next newer one. Where
 * the folder that the user asked for has one that can do it, that one.
 */
function pickDumpTools(
  pairs: readonly DumpTools[],
  serverMajor: number,
  requestedDir: string | undefined,
): DumpTools | undefined {
  const able = pairs.filter(({ pgDump }) => pgDump.major >= serverMajor);
  const requested = able.find(({ pgDump }) => dirname(pgDump.path) === requestedDir);
  const major = Math.min(...able.map(({ pgDump }) => pgDump.major));
  return requested ?? able.find(({ pgDump }) => pgDump.major === major);
}

/**
 * The pg_dump and pg_restore for a server: a pg_dump refuses servers newer than itself.
 *
 * @throws BelayError TOOL_MISSING
 */
export async function chooseDumpTools(
  serverMajor: number,
  env: NodeJS.ProcessEnv,
): Promise<DumpTools> {
  const pairs = await findPairs(env);
  const picked = pickDumpTools(pairs, serverMajor, env.BELAY_PG_BIN);
  if (picked) return picked;
  const newest = pairs[0]?.pgDump;
  const found = pairs.map(({ pgDump }) => `${pgDump.version} in ${dirname(pgDump.path)}`);
  throw new BelayError(
    'TOOL_MISSING',
    newest
      ? `pg_dump ${newest.major} cannot dump a PostgreSQL ${serverMajor} server`
      : `pg_dump and pg_restore are not on this machine; the server is PostgreSQL ${serverMajor}`,
    {
      hint: `Install the client programs of PostgreSQL ${serverMajor} (Debian: postgresql-client-${serverMajor}), or set BELAY_PG_BIN to their folder. Found: ${found.join(', ') || 'none'}.`,
      details: { serverMajor, found },
    },
  );
}
