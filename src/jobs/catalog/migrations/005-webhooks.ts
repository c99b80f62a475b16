import type { CatalogMigration } from '../catalog.js';

/**
 * Webhooks and what they are told. A job that ends leaves a row in `job_ends` within the same transaction, whoever ends it and
 * for whatever reason: that way no end is told twice, and none is forgotten when a server dies right after it.
 */
export const webhooksMigration: CatalogMigration = {
  number: 5,
  name: 'webhooks',
  sql: `
CREATE TABLE belay_server.webhooks (
  id text PRIMARY KEY,
  url text NOT NULL,
  events text[] NOT NULL,
  databases text[],
  secret_sealed text NOT NULL,
  enabled boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE belay_server.webhook_deliveries (
  id text PRIMARY KEY,
  webhook_id text NOT NULL REFERENCES belay_server.webhooks ON DELETE CASCADE,
  event text NOT NULL,
  -- What made it: with the webhook and the event it can be there once.
  source text NOT NULL,
  database text,
  body text NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'given-up')),
  attempts integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  next_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- While a server sends it; after that time, the server has died.
  sending_until timestamptz,
  last_attempt_at timestamptz,
  delivered_at timestamptz,
  status integer,
  problem text,
  UNIQUE (webhook_id, source, event)
);
CREATE INDEX webhook_deliveries_due_idx ON belay_server.webhook_deliveries (next_at)
  WHERE state = 'pending';
CREATE INDEX webhook_deliveries_sending_idx ON belay_server.webhook_deliveries (webhook_id)
  WHERE sending_until IS NOT NULL;
CREATE INDEX webhook_deliveries_newest_idx
  ON belay_server.webhook_deliveries (webhook_id, created_at DESC, id DESC);

CREATE TABLE belay_server.job_ends (
  job_id text PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE FUNCTION belay_server.note_job_end() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
  INSERT INTO belay_server.job_ends (job_id) VALUES (NEW.id) ON CONFLICT DO NOTHING;
  RETURN NULL;
END
$body$;
CREATE TRIGGER note_job_end AFTER UPDATE OF state ON belay_server.jobs FOR EACH ROW
  WHEN (OLD.state IS DISTINCT FROM NEW.state AND NEW.state IN ('succeeded', 'failed', 'cancelled'))
  EXECUTE FUNCTION belay_server.note_job_end();
`,
};
