/** A change of the rich schema, and what a comparison must say about it: all of it, and nothing else. */
export interface ExpectedChange {
  readonly sql: string;
  /** "kind object name", or with its whole detail "kind object name: detail"; sorted as compared. */
  readonly changes: readonly string[];
  /** The first version that has the statement; undefined: all. */
  readonly since?: number;
}

const change = (sql: string, ...changes: string[]): ExpectedChange => ({ sql, changes });

const columns: readonly ExpectedChange[] = [
  change('ALTER TABLE app.orders ADD COLUMN note text', 'added column app.orders.note: type: text'),
  change('ALTER TABLE app.orders DROP COLUMN at', 'removed column app.orders.at: type: app.point'),
  change(
    'ALTER TABLE app.cache RENAME COLUMN v TO value',
    'removed column app.cache.v: type: text',
    'added column app.cache.value: type: text',
  ),
  change(
    'ALTER TABLE app.cache ALTER v TYPE varchar(9)',
    'changed column app.cache.v: type: text → character varying(9)',
  ),
  change(
    'ALTER TABLE app.animals ALTER legs TYPE bigint',
    'changed column app.animals.legs: type: integer → bigint',
    'changed column app.dogs.legs: type: integer → bigint',
  ),
  change(
    'ALTER TABLE app.dogs ALTER barks SET NOT NULL',
    'changed column app.dogs.barks: not null: no → yes',
  ),
  change(
    'ALTER TABLE app.orders ALTER total DROP NOT NULL',
    'changed column app.orders.total: not null: yes → no',
  ),
  change(
    'ALTER TABLE app.orders ALTER total SET DEFAULT 1',
    'changed column app.orders.total: default: 0 → 1',
  ),
  change(
    'ALTER TABLE app.customers ALTER created DROP DEFAULT',
    'changed column app.customers.created: default: now() → none',
  ),
  change(
    'ALTER TABLE app.customers ALTER first_letter DROP EXPRESSION',
    'changed column app.customers.first_letter: generated: "left"((name)::text, 1) STORED → none',
  ),
  change(
    'ALTER TABLE app.customers ALTER id SET GENERATED ALWAYS',
    'changed column app.customers.id: identity: by default → always',
  ),
  change(
    'ALTER TABLE app.customers ALTER id DROP IDENTITY',
    'changed column app.customers.id: identity: by default → none',
    'removed sequence app.customers_id_seq',
  ),
  change(
    'ALTER TABLE app.customers ALTER tags SET STORAGE MAIN',
    'changed column app.customers.tags: storage: external → main',
  ),
  change(
    'ALTER TABLE app.customers ALTER tags SET COMPRESSION pglz',
    'changed column app.customers.tags: compression: none → pglz',
  ),
  change(
    'ALTER TABLE app.customers ALTER name SET STATISTICS -1',
    'changed column app.customers.name: statistics: 500 → none',
  ),
  change(
    'ALTER TABLE app.cache ALTER k SET (n_distinct = 7)',
    'changed column app.cache.k: options:\n+ n_distinct=7',
  ),
  change(
    'ALTER TABLE app.cache ALTER k TYPE text COLLATE "C"',
    'changed column app.cache.k: collation: none → "C"',
  ),
  change(
    'ALTER TABLE app.cache DROP COLUMN k, ADD COLUMN k text',
    'changed table app.cache: column order: k, v → v, k',
  ),
  change(
    'GRANT UPDATE (name) ON app.customers TO PUBLIC',
    'changed column app.customers.name: grants:\n- PUBLIC: SELECT\n+ PUBLIC: SELECT, UPDATE',
  ),
  change(
    `COMMENT ON COLUMN app.customers.email IS 'in two'`,
    'changed column app.customers.email: comment:\n- lines',
  ),
];

const tables: readonly ExpectedChange[] = [
  change(
    'CREATE TABLE app.new (id int PRIMARY KEY, n text)',
    'added table app.new: owner: postgres; column order: id, n; grants: PUBLIC: SELECT; with 2 columns, 1 constraint, 1 index',
  ),
  change(
    'DROP TABLE app.cache',
    'removed table app.cache: owner: postgres; unlogged: yes; column order: k, v; with 2 columns, 1 rule',
  ),
  change('ALTER TABLE app.cache SET LOGGED', 'changed table app.cache: unlogged: yes → no'),
  change(
    'ALTER TABLE app.customers SET (fillfactor = 80)',
    'changed table app.customers: options:\n- fillfactor=90\n+ fillfactor=80',
  ),
  change(
    'ALTER TABLE app.cache SET (toast.autovacuum_enabled = false)',
    'changed table app.cache: toast options:\n+ autovacuum_enabled=false',
  ),
  change(
    'ALTER TABLE app.customers DISABLE ROW LEVEL SECURITY',
    'changed table app.customers: row level security: yes → no',
  ),
  change(
    'ALTER TABLE app.customers FORCE ROW LEVEL SECURITY',
    'changed table app.customers: force row level security: no → yes',
  ),
  change(
    'ALTER TABLE app.orders REPLICA IDENTITY NOTHING',
    'changed table app.orders: replica identity: full → nothing',
  ),
  change(
    'ALTER TABLE app.customers REPLICA IDENTITY USING INDEX customers_pkey',
    'changed index app.customers_pkey: replica identity: no → yes',
    'changed table app.customers: replica identity: none → index',
  ),
  change(
    'ALTER TABLE app.customers SET WITHOUT CLUSTER',
    'changed index app.customers_pkey: clustered: yes → no',
  ),
  change(
    'ALTER TABLE app.cache OWNER TO pg_database_owner',
    'changed table app.cache: owner: postgres → pg_database_owner',
  ),
  change(
    'REVOKE INSERT ON app.orders FROM PUBLIC',
    'changed table app.orders: grants:\n- PUBLIC: INSERT, SELECT\n+ PUBLIC: SELECT',
  ),
  change(
    'REVOKE DELETE ON app.orders FROM postgres',
    'changed table app.orders: revoked:\n+ postgres: DELETE',
  ),
  change(
    'GRANT UPDATE ON app.orders TO pg_monitor WITH GRANT OPTION',
    'changed table app.orders: grants:\n+ pg_monitor: UPDATE with grant option',
  ),
  change(
    `COMMENT ON TABLE app.customers IS NULL`,
    'changed table app.customers: comment: who buys → none',
  ),
  change(
    'ALTER TABLE app.dogs NO INHERIT app.pets',
    'changed table app.dogs: inherits:\n- app.pets',
  ),
  change(
    'ALTER TABLE app.events DETACH PARTITION app.events_2026',
    'changed constraint app.events_2026.events_2026_pkey: attached to: app.events.events_pkey → none',
    'added constraint app.events_2026.events_customer_fkey',
    'changed index app.events_2026_kind_idx: attached to: app.events_kind → none',
    'changed index app.events_2026_pkey: attached to: app.events_pkey → none',
    `changed table app.events_2026: partition of: app.events → none\npartition bound: FOR VALUES FROM ('2026-01-01') TO ('2027-01-01') → none`,
  ),
  change(
    'CREATE TABLE app.events_rest PARTITION OF app.events DEFAULT',
    'added table app.events_rest: owner: postgres; partition of: app.events; partition bound: DEFAULT; column order: id, at, kind, customer; grants: PUBLIC: SELECT; with 4 columns, 1 constraint, 2 indexes',
  ),
  change(
    "ALTER FOREIGN TABLE app.remote OPTIONS (SET table_name 'U')",
    'changed foreign table app.remote: foreign options:\n- table_name=T\n+ table_name=U',
  ),
];

const constraintsAndIndexes: readonly ExpectedChange[] = [
  change(
    'ALTER TABLE app.cache ADD CONSTRAINT short CHECK (length(k) < 9)',
    'added constraint app.cache.short: definition: CHECK ((length(k) < 9))',
  ),
  change(
    'ALTER TABLE app.orders VALIDATE CONSTRAINT not_negative',
    'changed constraint app.orders.not_negative: definition: CHECK ((total >= (0)::numeric)) NOT VALID → CHECK ((total >= (0)::numeric))',
  ),
  change(
    'ALTER TABLE app.orders ALTER CONSTRAINT orders_customer_fkey NOT DEFERRABLE',
    'changed constraint app.orders.orders_customer_fkey',
  ),
  change(
    'ALTER TABLE app.orders DROP CONSTRAINT orders_pkey, ADD PRIMARY KEY (id, total)',
    'changed constraint app.orders.orders_pkey: definition: PRIMARY KEY (id) → PRIMARY KEY (id, total)',
  ),
  change(
    'ALTER TABLE app.orders DROP CONSTRAINT orders_customer_fkey',
    'removed constraint app.orders.orders_customer_fkey',
  ),
  change(
    'ALTER DOMAIN app.email ADD CONSTRAINT lower CHECK (VALUE = lower(VALUE))',
    'added constraint app.email.lower',
  ),
  change(
    `COMMENT ON CONSTRAINT not_negative ON app.orders IS 'why'`,
    'changed constraint app.orders.not_negative: comment: none → why',
  ),
  change('CREATE INDEX by_total ON app.orders (total)', 'added index app.by_total'),
  change('DROP INDEX app.orders_open', 'removed index app.orders_open'),
  change('ALTER INDEX app.orders_open SET (fillfactor = 70)', 'changed index app.orders_open'),
  change(
    'ALTER INDEX app.customers_lower ALTER COLUMN 1 SET STATISTICS 9',
    'changed index app.customers_lower: statistics:\n+ 1: 9',
  ),
  change(
    `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'app.orders_open'::regclass`,
    'changed index app.orders_open: invalid: no → yes',
  ),
  change('DROP STATISTICS app.orders_stats', 'removed statistics object app.orders_stats'),
  change(
    'ALTER STATISTICS app.orders_stats SET STATISTICS 20',
    'changed statistics object app.orders_stats: statistics: none → 20',
  ),
];

const typesAndSequences: readonly ExpectedChange[] = [
  change(
    `ALTER TYPE app.mood ADD VALUE 'great' BEFORE 'happy'`,
    `changed enum app.mood: labels:\n+ 'great'`,
  ),
  change(
    `ALTER TYPE app.mood RENAME VALUE 'ok' TO 'fine'`,
    `changed column app.customers.feeling: default: 'ok'::app.mood → 'fine'::app.mood`,
    `changed enum app.mood: labels:\n- 'ok'\n+ 'fine'`,
  ),
  change('ALTER TYPE app.point ADD ATTRIBUTE z int', 'added column app.point.z: type: integer'),
  change(
    `ALTER DOMAIN app.email SET DEFAULT 'none'`,
    `changed domain app.email: default: ''::character varying → 'none'::character varying`,
  ),
  change('ALTER DOMAIN app.email DROP NOT NULL', 'changed domain app.email: not null: yes → no'),
  change('DROP TYPE app.span', 'removed range type app.span'),
  change('CREATE TYPE app.shell', 'added base type app.shell'),
  change('DROP COLLATION app.plain', 'removed collation app.plain'),
  change(
    'ALTER SEQUENCE app.tickets INCREMENT 6 NO CYCLE',
    'changed sequence app.tickets: increment: 5 → 6\ncycle: yes → no',
  ),
  change(
    'ALTER SEQUENCE app.tickets OWNED BY app.cache.k',
    'changed sequence app.tickets: owned by: none → app.cache.k',
  ),
  change(
    'GRANT USAGE ON SEQUENCE app.tickets TO PUBLIC',
    'changed sequence app.tickets: grants:\n+ PUBLIC: USAGE',
  ),
];

const code: readonly ExpectedChange[] = [
  change(
    `CREATE OR REPLACE FUNCTION app.price(a int, b text DEFAULT 'x', OUT c numeric) LANGUAGE sql STABLE STRICT PARALLEL SAFE
       SET search_path = app, pg_temp AS 'SELECT a::numeric + 1'`,
    'changed function app.price(integer, text): definition:\n- AS $function$SELECT a::numeric$function$\n+ AS $function$SELECT a::numeric + 1$function$',
  ),
  change(
    'ALTER FUNCTION app.touch() SECURITY DEFINER',
    'changed function app.touch(): definition:\n+  SECURITY DEFINER',
  ),
  change(
    'GRANT EXECUTE ON FUNCTION app.twice(int) TO PUBLIC',
    'changed function app.twice(integer): revoked:\n- PUBLIC: EXECUTE',
  ),
  change(
    'CREATE FUNCTION app.twice(a text) RETURNS text LANGUAGE sql RETURN a || a',
    'added function app.twice(text)',
  ),
  change('DROP PROCEDURE app.clean(int)', 'removed procedure app.clean(integer)'),
  change(
    `CREATE OR REPLACE AGGREGATE app.mul(int) (sfunc = int4mul, stype = int, initcond = '2')`,
    'changed aggregate app.mul(integer): initial: 1 → 2',
  ),
  change(
    'ALTER OPERATOR app.=== (int, int) SET (RESTRICT = eqsel)',
    'changed operator app.===(integer,integer): restrict: none → eqsel(internal,oid,internal,integer)',
  ),
  change(
    'CREATE OPERATOR CLASS app.ops FOR TYPE int USING hash AS OPERATOR 1 app.===, FUNCTION 1 hashint4(int)',
    'added operator class app.ops using hash',
    'added operator family app.ops using hash: owner: postgres; operators: 1 app.===(integer,integer); functions: 1 (integer, integer) hashint4(integer)',
  ),
  change(
    'DROP CAST (app.mood AS int); CREATE CAST (app.mood AS int) WITH INOUT AS ASSIGNMENT',
    'changed cast (app.mood AS integer): context: explicit → assignment',
  ),
  change(
    `CREATE OR REPLACE VIEW app.open_orders WITH (security_barrier = true) AS
       SELECT o.id, o.total, c.name FROM app.orders o JOIN app.customers c ON c.id = o.customer`,
    'changed view app.open_orders',
  ),
  change(
    'ALTER VIEW app.open_orders RESET (security_barrier)',
    'changed view app.open_orders: options:\n- security_barrier=true',
  ),
  change(
    'DROP MATERIALIZED VIEW app.totals',
    'removed materialized view app.totals: owner: postgres; definition:  SELECT',
  ),
  change(
    'ALTER TABLE app.orders DISABLE TRIGGER touch',
    'changed trigger app.orders.touch: enabled: none → disabled',
  ),
  change('DROP TRIGGER touch ON app.orders', 'removed trigger app.orders.touch'),
  change(
    'ALTER TABLE app.events_2025 DISABLE TRIGGER each_event',
    'added trigger app.events_2025.each_event',
  ),
  change(
    'ALTER TABLE app.cache DISABLE RULE no_delete',
    'changed rule app.cache.no_delete: enabled: none → disabled',
  ),
  change(
    'ALTER POLICY own ON app.customers TO pg_monitor USING (true)',
    `changed policy app.customers.own: roles:\n- PUBLIC\n+ pg_monitor\nusing: ((name)::text = CURRENT_USER) → true`,
  ),
  change(
    'ALTER EVENT TRIGGER watch ENABLE',
    'changed event trigger watch: enabled: disabled → none',
  ),
];

const database: readonly ExpectedChange[] = [
  change('CREATE SCHEMA other', 'added schema other: owner: postgres'),
  change('REVOKE USAGE ON SCHEMA app FROM PUBLIC', 'changed schema app: grants:\n- PUBLIC: USAGE'),
  change('CREATE EXTENSION citext SCHEMA public', 'added extension citext: version: '),
  change(
    'ALTER EXTENSION hstore SET SCHEMA app',
    'changed column app.customers.attributes: type: public.hstore → app.hstore',
    'changed extension hstore: schema: public → app',
  ),
  change(
    'ALTER TEXT SEARCH CONFIGURATION app.english DROP MAPPING FOR url',
    'changed text search configuration app.english: mappings:\n- url: simple',
  ),
  change(
    'ALTER TEXT SEARCH DICTIONARY app.short (accept = true)',
    `changed text search dictionary app.short: options: accept = 'false' → accept = 'true'`,
  ),
  change(
    `ALTER SERVER elsewhere OPTIONS (SET host 'other')`,
    'changed foreign server elsewhere: options:\n- host=db.example\n+ host=other',
  ),
  change(
    'CREATE USER MAPPING FOR PUBLIC SERVER elsewhere',
    'added user mapping PUBLIC on elsewhere: server: elsewhere',
  ),
  change(
    'ALTER PUBLICATION changes DROP TABLE app.orders',
    'changed publication changes: tables:\n- app.orders',
  ),
  change(
    `ALTER PUBLICATION changes SET (publish = 'insert')`,
    'changed publication changes: publishes: insert, update → insert',
  ),
  change(
    'ALTER DEFAULT PRIVILEGES IN SCHEMA app GRANT INSERT ON TABLES TO PUBLIC',
    'changed default privileges postgres on tables in app: grants:\n- PUBLIC: SELECT\n+ PUBLIC: INSERT, SELECT',
  ),
  change(
    'ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC',
    'removed default privileges postgres on functions',
  ),
];

/** What only newer versions have. */
const newer: readonly ExpectedChange[] = [
  {
    since: 15,
    ...change(
      'ALTER SEQUENCE app.tickets SET UNLOGGED',
      'changed sequence app.tickets: unlogged: no → yes',
    ),
  },
  {
    since: 15,
    ...change(
      'ALTER TABLE app.cache ADD CONSTRAINT one UNIQUE NULLS NOT DISTINCT (k)',
      'added constraint app.cache.one: definition: UNIQUE NULLS NOT DISTINCT (k); with 1 index',
    ),
  },
  {
    since: 15,
    ...change(
      'ALTER PUBLICATION changes SET TABLE app.customers, app.orders (id, total) WHERE (total > 5)',
      'changed publication changes: tables:\n- app.orders\n+ app.orders (id, total) where (total > (5)::numeric)',
    ),
  },
  {
    since: 15,
    ...change(
      'ALTER PUBLICATION changes ADD TABLES IN SCHEMA public',
      'changed publication changes: schemas:\n+ public',
    ),
  },
  {
    since: 16,
    ...change(
      'ALTER TABLE app.cache ALTER k SET STORAGE DEFAULT, ALTER k SET STORAGE PLAIN',
      'changed column app.cache.k: storage: none → plain',
    ),
  },
  {
    since: 18,
    ...change(
      'ALTER TABLE app.cache ADD COLUMN size int GENERATED ALWAYS AS (length(v)) VIRTUAL',
      'added column app.cache.size: type: integer; generated: length(v) VIRTUAL',
    ),
  },
  {
    since: 18,
    ...change(
      'ALTER TABLE app.cache ALTER k SET NOT NULL',
      'changed column app.cache.k: not null: no → yes',
    ),
  },
  {
    since: 18,
    ...change(
      'ALTER TABLE app.cache ADD CONSTRAINT k_is_there NOT NULL k',
      'changed column app.cache.k: not null: no → yes',
      'added constraint app.cache.k_is_there: definition: NOT NULL k',
    ),
  },
  {
    since: 18,
    ...change(
      'ALTER TABLE app.cache ADD NOT NULL k NOT VALID',
      'changed column app.cache.k: not null: no → yes',
      'added constraint app.cache.cache_k_not_null: definition: NOT NULL k NOT VALID',
    ),
  },
  {
    since: 18,
    ...change(
      'ALTER TABLE app.orders ALTER CONSTRAINT orders_customer_fkey NOT ENFORCED',
      'changed constraint app.orders.orders_customer_fkey',
    ),
  },
];

/** The changes that a version has. */
export function expectedChanges(major: number): readonly ExpectedChange[] {
  return [columns, tables, constraintsAndIndexes, typesAndSequences, code, database, newer]
    .flat()
    .filter(({ since = 0 }) => since <= major);
}

/** What a partial detail of an expected change is compared with. */
export function describeChanges(
  changes: readonly { kind: string; object: string; name: string; detail: string }[],
  expected: readonly string[],
): string[] {
  return changes.map(({ kind, object, name, detail }, index) => {
    const whole = `${kind} ${object} ${name}: ${detail}`;
    const wanted = expected[index];
    return wanted !== undefined &&
      whole.startsWith(wanted) &&
      wanted.length >= `${kind} ${object} ${name}`.length
      ? wanted
      : whole;
  });
}
