import { facet, type SchemaFacet, since } from './facet.js';

export const types: readonly SchemaFacet[] = [
  facet('CREATE TYPE app.kind AS ENUM ()', 'DROP TYPE app.kind', 'added enum app.kind'),
  facet(
    'ALTER TYPE app.mood OWNER TO pg_monitor',
    'ALTER TYPE app.mood OWNER TO postgres',
    'changed enum app.mood',
  ),
  facet(
    `COMMENT ON TYPE app.mood IS 'x'`,
    'COMMENT ON TYPE app.mood IS NULL',
    'changed enum app.mood',
  ),
  facet(
    'REVOKE USAGE ON TYPE app.mood FROM PUBLIC',
    'GRANT USAGE ON TYPE app.mood TO PUBLIC',
    'changed enum app.mood',
  ),
  facet(
    'ALTER TYPE app.pair OWNER TO pg_monitor',
    'ALTER TYPE app.pair OWNER TO postgres',
    'changed composite type app.pair',
  ),
  facet(
    'ALTER DOMAIN app.code SET DEFAULT 5',
    'ALTER DOMAIN app.code DROP DEFAULT',
    'changed domain app.code',
  ),
  facet(
    `COMMENT ON DOMAIN app.code IS 'x'`,
    'COMMENT ON DOMAIN app.code IS NULL',
    'changed domain app.code',
  ),
  facet(
    'DROP TYPE app.words; CREATE TYPE app.words AS RANGE (subtype = text, collation = "C")',
    'DROP TYPE app.words; CREATE TYPE app.words AS RANGE (subtype = text)',
    'changed range type app.words',
  ),
  facet(
    'DROP TYPE app.words; CREATE TYPE app.words AS RANGE (subtype = text, multirange_type_name = app.many)',
    'DROP TYPE app.words; CREATE TYPE app.words AS RANGE (subtype = text)',
    'changed range type app.words',
  ),
];

export const others: readonly SchemaFacet[] = [
  facet(
    'ALTER SEQUENCE app.numbers INCREMENT 2',
    'ALTER SEQUENCE app.numbers INCREMENT 1',
    'changed sequence app.numbers',
  ),
  facet(
    'ALTER SEQUENCE app.numbers MINVALUE -5',
    'ALTER SEQUENCE app.numbers NO MINVALUE',
    'changed sequence app.numbers',
  ),
  facet(
    'ALTER SEQUENCE app.numbers AS smallint',
    'ALTER SEQUENCE app.numbers AS bigint',
    'changed sequence app.numbers',
  ),
  facet(
    'ALTER SEQUENCE app.numbers CACHE 7',
    'ALTER SEQUENCE app.numbers CACHE 1',
    'changed sequence app.numbers',
  ),
  facet(
    'ALTER SEQUENCE app.numbers OWNER TO pg_monitor',
    'ALTER SEQUENCE app.numbers OWNER TO postgres',
    'changed sequence app.numbers',
  ),
  facet(
    'ALTER SCHEMA app OWNER TO pg_monitor',
    'ALTER SCHEMA app OWNER TO postgres',
    'changed schema app',
  ),
  facet(
    `COMMENT ON SCHEMA public IS 'x'`,
    `COMMENT ON SCHEMA public IS 'standard public schema'`,
    'changed schema public',
  ),
  facet('CREATE EXTENSION citext', 'DROP EXTENSION citext', 'added extension citext'),
  facet(
    `COMMENT ON EXTENSION hstore IS 'x'`,
    `COMMENT ON EXTENSION hstore IS 'data type for storing sets of (key, value) pairs'`,
    'changed extension hstore',
  ),
  facet(
    'ALTER PUBLICATION changes OWNER TO pg_monitor',
    'ALTER PUBLICATION changes OWNER TO postgres',
    'changed publication changes',
  ),
  facet(
    'ALTER PUBLICATION changes SET (publish_via_partition_root = true)',
    'ALTER PUBLICATION changes SET (publish_via_partition_root = false)',
    'changed publication changes',
  ),
  facet(
    'CREATE PUBLICATION everything FOR ALL TABLES',
    'DROP PUBLICATION everything',
    'added publication everything',
  ),
  since(
    18,
    facet(
      'ALTER PUBLICATION changes SET (publish_generated_columns = stored)',
      'ALTER PUBLICATION changes SET (publish_generated_columns = none)',
      'changed publication changes',
    ),
  ),
  facet(
    'DROP STATISTICS app.stays_stats; CREATE STATISTICS app.stays_stats (ndistinct) ON guest, n FROM app.stays',
    'DROP STATISTICS app.stays_stats; CREATE STATISTICS app.stays_stats ON guest, n FROM app.stays',
    'changed statistics object app.stays_stats',
  ),
  facet(
    'DROP STATISTICS app.stays_stats; CREATE STATISTICS app.stays_stats ON lower(guest), n FROM app.stays',
    'DROP STATISTICS app.stays_stats; CREATE STATISTICS app.stays_stats ON guest, n FROM app.stays',
    'changed statistics object app.stays_stats',
  ),
  facet(
    `COMMENT ON STATISTICS app.stays_stats IS 'x'`,
    'COMMENT ON STATISTICS app.stays_stats IS NULL',
    'changed statistics object app.stays_stats',
  ),
  facet(
    'ALTER DEFAULT PRIVILEGES GRANT USAGE ON SCHEMAS TO PUBLIC',
    'ALTER DEFAULT PRIVILEGES REVOKE USAGE ON SCHEMAS FROM PUBLIC',
    'added default privileges postgres on schemas',
  ),
];
