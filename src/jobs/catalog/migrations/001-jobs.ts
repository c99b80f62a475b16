import type { CatalogMigration } from '../catalog.js';

/**
 * `json` and not `jsonb` for what users and databases say: it keeps every text as it came, escaped NULs included.
 *
 * A job's lease is a random text that whoever runs it has to show; `renewals` counts how often it was renewed. Whether a lease
 * has ended, no clock decides that can be set: see the reaper.
 */
export const jobsMigration: CatalogMigration = {
  number: 1,
  name: 'jobs',
  sql: `
    CREATE TABLE belay_server.jobs (
      id text PRIMARY KEY,
      number bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
      database text NOT NULL,
      type text NOT NULL,
      input json NOT NULL,
      caller_id text NOT NULL,
      requested_by text NOT NULL,
      state text NOT NULL DEFAULT 'queued'
        CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
      changes_target boolean NOT NULL,
      may_begin_again boolean NOT NULL,
      exclusive_key text,
      cancel_requested boolean NOT NULL DEFAULT false,
      result json,
      error json,
      step text,
      worker text,
      lease text,
      lease_ms int,
      renewals bigint NOT NULL DEFAULT 0,
      attempt int NOT NULL DEFAULT 0,
      losses int NOT NULL DEFAULT 0,
      last_seq int NOT NULL DEFAULT 0,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      started_at timestamptz,
      finished_at timestamptz,
      CHECK ((state = 'running') = (lease IS NOT NULL)),
      CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
    );
    CREATE UNIQUE INDEX jobs_one_at_a_time ON belay_server.jobs (exclusive_key)
      WHERE state = 'running' AND exclusive_key IS NOT NULL;
    CREATE INDEX jobs_queued ON belay_server.jobs (number) WHERE state = 'queued';
    CREATE INDEX jobs_running ON belay_server.jobs (number) WHERE state = 'running';
    CREATE INDEX jobs_of_database ON belay_server.jobs (database, number);
    CREATE INDEX jobs_of_caller ON belay_server.jobs (caller_id, number);
    CREATE INDEX jobs_ended ON belay_server.jobs (finished_at) WHERE finished_at IS NOT NULL;

    CREATE TABLE belay_server.job_events (
      job text NOT NULL REFERENCES belay_server.jobs ON DELETE CASCADE,
      seq int NOT NULL,
      at timestamptz NOT NULL DEFAULT clock_timestamp(),
      event json NOT NULL,
      PRIMARY KEY (job, seq)
    );

    CREATE TABLE belay_server.idempotency (
      caller_id text NOT NULL,
      key text NOT NULL,
      request_hash text NOT NULL,
      job text NOT NULL REFERENCES belay_server.jobs ON DELETE CASCADE,
      created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      PRIMARY KEY (caller_id, key)
    );
    CREATE INDEX idempotency_of_job ON belay_server.idempotency (job);

    CREATE TABLE belay_server.workers (
      name text PRIMARY KEY,
      kind text NOT NULL CHECK (kind IN ('server', 'agent')),
      started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
      seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
    );
  `,
};
