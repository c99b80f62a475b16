import { facet, type SchemaFacet, since } from './facet.js';

export const views: readonly SchemaFacet[] = [
  facet(
    'ALTER VIEW app.guests SET (check_option = local)',
    'ALTER VIEW app.guests RESET (check_option)',
    'changed view app.guests',
  ),
  since(
    15,
    facet(
      'ALTER VIEW app.guests SET (security_invoker = true)',
      'ALTER VIEW app.guests RESET (security_invoker)',
      'changed view app.guests',
    ),
  ),
  facet(
    'ALTER VIEW app.guests OWNER TO pg_monitor',
    'ALTER VIEW app.guests OWNER TO postgres',
    'changed view app.guests',
  ),
  facet(
    'GRANT SELECT ON app.guests TO pg_monitor',
    'REVOKE SELECT ON app.guests FROM pg_monitor',
    'changed view app.guests',
  ),
  facet(
    'CREATE OR REPLACE VIEW app.guests AS SELECT guest, n FROM app.stays WHERE n > 0',
    'CREATE OR REPLACE VIEW app.guests AS SELECT guest, n FROM app.stays',
    'changed view app.guests',
  ),
  facet(
    'ALTER MATERIALIZED VIEW app.rooms SET (fillfactor = 70)',
    'ALTER MATERIALIZED VIEW app.rooms RESET (fillfactor)',
    'changed materialized view app.rooms',
  ),
  facet(
    `COMMENT ON MATERIALIZED VIEW app.rooms IS 'r'`,
    'COMMENT ON MATERIALIZED VIEW app.rooms IS NULL',
    'changed materialized view app.rooms',
  ),
  facet(
    'ALTER MATERIALIZED VIEW app.rooms OWNER TO pg_monitor',
    'ALTER MATERIALIZED VIEW app.rooms OWNER TO postgres',
    'changed materialized view app.rooms',
  ),
];

const plus = (options: string, body = 'SELECT a + b') =>
  `CREATE OR REPLACE FUNCTION app.plus(a int, b int) RETURNS int LANGUAGE sql ${options} AS '${body}'`;
const aggregate = (options: string) =>
  `CREATE OR REPLACE AGGREGATE app.total(int) (sfunc = app.plus, stype = int ${options})`;

export const routines: readonly SchemaFacet[] = [
  ...[
    'IMMUTABLE STRICT',
    'VOLATILE',
    'IMMUTABLE LEAKPROOF',
    'IMMUTABLE PARALLEL SAFE',
    'IMMUTABLE COST 5',
    'IMMUTABLE SECURITY DEFINER',
    'IMMUTABLE SET work_mem = 64',
  ].map((options) =>
    facet(plus(options), plus('IMMUTABLE'), 'changed function app.plus(integer, integer)'),
  ),
  facet(
    plus('IMMUTABLE', 'SELECT b + a'),
    plus('IMMUTABLE'),
    'changed function app.plus(integer, integer)',
  ),
  facet(
    'ALTER FUNCTION app.plus OWNER TO pg_monitor',
    'ALTER FUNCTION app.plus OWNER TO postgres',
    'changed function app.plus(integer, integer)',
  ),
  facet(
    `COMMENT ON FUNCTION app.plus IS 'sum'`,
    'COMMENT ON FUNCTION app.plus IS NULL',
    'changed function app.plus(integer, integer)',
  ),
  facet(
    `CREATE OR REPLACE PROCEDURE app.tidy() LANGUAGE sql AS 'SELECT 1'`,
    `CREATE OR REPLACE PROCEDURE app.tidy() LANGUAGE sql AS 'DELETE FROM app.stays'`,
    'changed procedure app.tidy()',
  ),
  facet(
    'GRANT EXECUTE ON PROCEDURE app.tidy TO PUBLIC',
    'REVOKE EXECUTE ON PROCEDURE app.tidy FROM PUBLIC',
    'changed procedure app.tidy()',
  ),
  ...[
    ', parallel = safe',
    ', finalfunc = abs',
    ', combinefunc = app.plus',
    ', sspace = 99',
    `, initcond = '0'`,
  ].map((options) =>
    facet(aggregate(options), aggregate(''), 'changed aggregate app.total(integer)'),
  ),
  facet(
    `COMMENT ON AGGREGATE app.total(int) IS 'all'`,
    'COMMENT ON AGGREGATE app.total(int) IS NULL',
    'changed aggregate app.total(integer)',
  ),
];

const trigger = (options: string) =>
  `DROP TRIGGER noted ON app.stays; CREATE ${options.startsWith('CONSTRAINT') ? options : `TRIGGER noted ${options}`} EXECUTE FUNCTION app.noop()`;
const event = (tags: string) =>
  `DROP EVENT TRIGGER noticed; CREATE EVENT TRIGGER noticed ON ddl_command_end ${tags} EXECUTE FUNCTION app.on_ddl()`;

export const reactions: readonly SchemaFacet[] = [
  ...[
    'AFTER INSERT ON app.stays FOR EACH ROW',
    'BEFORE UPDATE ON app.stays FOR EACH ROW',
    'BEFORE INSERT ON app.stays FOR EACH ROW WHEN (NEW.n > 0)',
    'BEFORE INSERT ON app.stays FOR EACH STATEMENT',
    'AFTER INSERT ON app.stays REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT',
    'CONSTRAINT TRIGGER noted AFTER INSERT ON app.stays DEFERRABLE INITIALLY DEFERRED FOR EACH ROW',
  ].map((options) =>
    facet(
      trigger(options),
      trigger('BEFORE INSERT ON app.stays FOR EACH ROW'),
      'changed trigger app.stays.noted',
    ),
  ),
  facet(
    'ALTER TABLE app.stays ENABLE ALWAYS TRIGGER noted',
    'ALTER TABLE app.stays ENABLE TRIGGER noted',
    'changed trigger app.stays.noted',
  ),
  facet(
    `COMMENT ON TRIGGER noted ON app.stays IS 'x'`,
    'COMMENT ON TRIGGER noted ON app.stays IS NULL',
    'changed trigger app.stays.noted',
  ),
  facet(event(`WHEN TAG IN ('CREATE TABLE')`), event(''), 'changed event trigger noticed'),
  facet(
    'ALTER EVENT TRIGGER noticed ENABLE REPLICA',
    'ALTER EVENT TRIGGER noticed ENABLE',
    'changed event trigger noticed',
  ),
  facet(
    'CREATE RULE r AS ON DELETE TO app.stays DO INSTEAD NOTHING',
    'DROP RULE r ON app.stays',
    'added rule app.stays.r',
  ),
  facet(
    'CREATE OR REPLACE RULE kept AS ON DELETE TO app.visits WHERE OLD.n > 9 DO INSTEAD NOTHING',
    'CREATE OR REPLACE RULE kept AS ON DELETE TO app.visits DO INSTEAD NOTHING',
    'changed rule app.visits.kept',
  ),
  facet(
    `COMMENT ON RULE kept ON app.visits IS 'x'`,
    'COMMENT ON RULE kept ON app.visits IS NULL',
    'changed rule app.visits.kept',
  ),
  facet(
    'CREATE POLICY q ON app.visits AS RESTRICTIVE FOR UPDATE WITH CHECK (n > 0)',
    'DROP POLICY q ON app.visits',
    'added policy app.visits.q',
  ),
  facet(
    'ALTER POLICY p ON app.visits WITH CHECK (n > 1)',
    'ALTER POLICY p ON app.visits WITH CHECK (true)',
    'changed policy app.visits.p',
  ),
  facet(
    `COMMENT ON POLICY p ON app.visits IS 'x'`,
    'COMMENT ON POLICY p ON app.visits IS NULL',
    'changed policy app.visits.p',
  ),
];
