import type { CatalogMigration } from '../catalog.js';

/**
 * Who may do what. Of tokens, sessions and codes only SHA-256 is kept, which is enough for 256 random bits; of passwords scrypt.
 * A person's name is unique as `name_key`: in lower case, so that nobody can look like somebody else by a capital letter.
 */
export const accessMigration: CatalogMigration = {
  number: 3,
  name: 'access',
  sql: `
CREATE TABLE belay_server.tokens (
  id text PRIMARY KEY,
  name text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('token', 'agent')),
  secret_hash bytea NOT NULL,
  scopes text[] NOT NULL,
  databases text[],
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);

CREATE TABLE belay_server.people (
  id text PRIMARY KEY,
  name text NOT NULL,
  name_key text NOT NULL UNIQUE,
  password text NOT NULL,
  scopes text[] NOT NULL,
  databases text[],
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Of a person, of a token, or of neither: then a sign-in code made it.
CREATE TABLE belay_server.sessions (
  secret_hash bytea PRIMARY KEY,
  person_id text REFERENCES belay_server.people ON DELETE CASCADE,
  token_id text REFERENCES belay_server.tokens ON DELETE CASCADE,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (person_id IS NULL OR token_id IS NULL)
);
CREATE INDEX sessions_person_id_idx ON belay_server.sessions (person_id);
CREATE INDEX sessions_token_id_idx ON belay_server.sessions (token_id);

CREATE TABLE belay_server.sign_in_codes (
  code_hash bytea PRIMARY KEY,
  expires_at timestamptz NOT NULL
);

CREATE TABLE belay_server.sign_in_attempts (
  key text PRIMARY KEY,
  failures integer NOT NULL,
  last_at timestamptz NOT NULL,
  blocked_until timestamptz NOT NULL
);
`,
};
