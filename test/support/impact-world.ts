import { analyseScript, type StatementFindings } from '../../src/domain/impact/analyse-script.js';
import { analysers } from '../../src/domain/impact/analysers/index-of-analysers.js';
import type { LiveCatalog } from '../../src/domain/impact/live-catalog.js';
import { createWorld, type SimulatedWorld } from '../../src/domain/impact/simulated-world.js';
import { loadDeparser } from '../../src/postgres/impact/live-expression.js';
import { readLiveCatalog } from '../../src/postgres/impact/read-live-catalog.js';
import { splitStatements } from '../../src/postgres/parse-sql.js';
import { openSession } from './open-session.js';

export async function catalogOf(url: string): Promise<LiveCatalog> {
  const session = await openSession(url);
  try {
    return await readLiveCatalog(session);
  } finally {
    await session.close();
  }
}

/** The world as a script leaves it, and what it found on the way. */
export interface Followed {
  readonly world: SimulatedWorld;
  readonly statements: readonly StatementFindings[];
}

export async function follow(catalog: LiveCatalog, sql: string): Promise<Followed> {
  const world = createWorld(catalog, { deparse: await loadDeparser() });
  return { world, statements: analyseScript(await splitStatements(sql), world, analysers) };
}
