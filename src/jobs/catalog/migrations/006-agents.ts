import type { CatalogMigration } from '../catalog.js';

/** Who came with an agent's token, and what for. */
export const agentsMigration: CatalogMigration = {
  number: 6,
  name: 'agents',
  sql: `
    CREATE TABLE belay_server.agents (
      token text NOT NULL,
      name text NOT NULL,
      version text NOT NULL,
      databases text[] NOT NULL,
      first_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (token, name)
    );
  `,
};
