import type { CatalogMigration } from '../catalog.js';

/**
 * `target_key` is what two names of one database have in common: jobs of one key that change something never run at once. An
 * inventory is what was last found in a database, as JSON.
 */
export const databasesMigration: CatalogMigration = {
  number: 2,
  name: 'databases',
  sql: `
    CREATE TABLE belay_server.databases (
      name text PRIMARY KEY CHECK (name ~ '^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$'),
      kind text NOT NULL CHECK (kind IN ('direct', 'agent')),
      url_sealed text,
      environment text NOT NULL CHECK (environment IN ('development', 'production')),
      server text,
      database text,
      store text,
      source text NOT NULL CHECK (source IN ('config', 'api')),
      target_key text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      agent_seen_at timestamptz,
      CHECK ((kind = 'direct') = (url_sealed IS NOT NULL))
    );
    CREATE INDEX databases_target_key ON belay_server.databases (target_key);
    CREATE TABLE belay_server.inventories (
      database text PRIMARY KEY
        REFERENCES belay_server.databases (name) ON DELETE CASCADE,
      looked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      digest text NOT NULL,
      document text NOT NULL
    );
  `,
};
