import type { CatalogMigration } from '../catalog.js';

/**
 * `next_at` is when the next occurrence is due, by the catalog's clock; null: never. `occurrence_at` is the one that was begun
 * last, and `last_job_id` the job that it became; `problem` says why the last one became none.
 */
export const schedulesMigration: CatalogMigration = {
  number: 4,
  name: 'schedules',
  sql: `
    CREATE TABLE belay_server.schedules (
      id text PRIMARY KEY,
      database text NOT NULL
        REFERENCES belay_server.databases (name) ON DELETE CASCADE,
      name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
      cron text NOT NULL,
      timezone text NOT NULL,
      type text NOT NULL,
      input text NOT NULL,
      enabled boolean NOT NULL DEFAULT true,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      created_by text NOT NULL,
      next_at timestamptz,
      occurrence_at timestamptz,
      last_job_id text,
      problem text,
      tries integer NOT NULL DEFAULT 0
    );
    CREATE INDEX schedules_due ON belay_server.schedules (next_at) WHERE enabled;
    CREATE TABLE belay_server.upkeep (
      target_key text PRIMARY KEY,
      looked_at timestamptz NOT NULL
    );
  `,
};
