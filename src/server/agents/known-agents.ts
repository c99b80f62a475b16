import type { Agent } from '../../contract/agent.js';
import type { Catalog } from '../../jobs/catalog/catalog.js';

export interface SeenAgent {
  /** Id of its token. */
  readonly token: string;
  readonly name: string;
  readonly version: string;
  readonly databases: readonly string[];
}

/** An agent is not worth a write more often. */
const notedForSeconds = 10;

/** Notes that an agent was heard, and with it its databases. @throws BelayError CATALOG_UNAVAILABLE */
export async function noteAgent(catalog: Catalog, agent: SeenAgent): Promise<void> {
  const { token, name, version, databases } = agent;
  const noted = await catalog.query(
    `INSERT INTO belay_server.agents AS known (token, name, version, databases)
     VALUES ($1, $2, $3, $4)
     ON CONFLICT (token, name) DO UPDATE
        SET version = excluded.version, databases = excluded.databases,
            last_seen_at = clock_timestamp()
      WHERE known.last_seen_at < clock_timestamp() - make_interval(secs => ${notedForSeconds})
         OR known.databases <> excluded.databases OR known.version <> excluded.version
     RETURNING name`,
    [token, name, version, databases],
    'noting an agent',
  );
  if (noted.length === 0) return;
  await catalog.query(
    `UPDATE belay_server.databases SET agent_seen_at = clock_timestamp()
      WHERE name = ANY ($1) AND kind = 'agent'`,
    [databases],
    'noting an agent',
  );
}

interface AgentRow extends Omit<Agent, 'firstSeenAt' | 'lastSeenAt'> {
  readonly first_seen_at: Date;
  readonly last_seen_at: Date;
}

/** Last heard first, at most 500. @throws BelayError CATALOG_UNAVAILABLE */
export async function listAgents(catalog: Catalog): Promise<Agent[]> {
  const rows = await catalog.query<AgentRow>(
    `SELECT token, name, version, databases, first_seen_at, last_seen_at
       FROM belay_server.agents ORDER BY last_seen_at DESC, name LIMIT 500`,
    [],
    'listing agents',
  );
  return rows.map(({ first_seen_at, last_seen_at, ...agent }) => ({
    ...agent,
    firstSeenAt: first_seen_at.toISOString(),
    lastSeenAt: last_seen_at.toISOString(),
  }));
}

/** Those that were not heard for a week. @throws BelayError CATALOG_UNAVAILABLE */
export async function forgetAgents(catalog: Catalog): Promise<void> {
  await catalog.query(
    `DELETE FROM belay_server.agents WHERE last_seen_at < clock_timestamp() - interval '7 days'`,
    [],
    'forgetting agents',
  );
}
