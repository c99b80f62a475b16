import { failing, type ImpactCase, one, script } from '../../../support/impact-case.js';

const rights: readonly ImpactCase[] = [
  one('ALTER TABLE secrets DISABLE ROW LEVEL SECURITY', {
    impacts: [
      { rule: 'disable-row-security', object: 'public.secrets', safety: 'UNSAFE', records: 0 },
    ],
  }),
  one('ALTER TABLE customers ENABLE ROW LEVEL SECURITY', {
    impacts: [{ rule: 'enable-row-security', object: 'public.customers', records: 0 }],
  }),
  one('ALTER TABLE products DISABLE TRIGGER products_remember', {
    impacts: [
      {
        rule: 'disable-trigger',
        object: 'public.products',
        safety: 'UNSAFE',
        lock: 'SHARE ROW EXCLUSIVE',
      },
    ],
    total: 0,
  }),
  one('ALTER TABLE orders DISABLE TRIGGER ALL', {
    impacts: [{ rule: 'disable-trigger', object: 'public.orders', safety: 'UNSAFE', records: 0 }],
  }),
  failing('ALTER TABLE orders DISABLE TRIGGER nothing_there'),
  one('GRANT SELECT ON customers TO PUBLIC', {
    impacts: [{ rule: 'grant-to-public', object: 'public.customers', records: 0 }],
    fails: false,
  }),
  one('REVOKE SELECT ON products FROM PUBLIC', {
    impacts: [{ rule: 'revoke-from-public', object: 'public.products', records: 0 }],
  }),
  one('GRANT SELECT ON orders TO "{role}"', {
    impacts: [{ rule: 'grant', object: 'public.orders', records: 0 }],
  }),
  one('ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC', { total: 0 }),
  one('ALTER TABLE drafts OWNER TO "{role}"', {
    impacts: [{ rule: 'change-owner', object: 'public.drafts', records: 0 }],
  }),
  one('REASSIGN OWNED BY "{role}" TO CURRENT_USER', {
    impacts: [{ rule: 'reassign-owned', object: '{role}', records: 0 }],
  }),
];

/** What runs is known only when it runs: nobody may call it SAFE. */
const opaque = (sql: string, more: Omit<ImpactCase, 'name' | 'statements'> = {}) =>
  one(sql, { opaque: true }, { really: 'unknown', ...more });

const code: readonly ImpactCase[] = [
  opaque("DO $$ BEGIN EXECUTE 'DROP TABLE ' || 'journal'; END $$"),
  opaque(
    'DO $$ BEGIN IF extract(hour FROM now()) < 25 THEN DELETE FROM public.journal; END IF; END $$',
  ),
  opaque(
    'DO $$ DECLARE n text; BEGIN FOREACH n IN ARRAY ARRAY[$a$cache$a$] LOOP EXECUTE format($a$TRUNCATE %I$a$, n); END LOOP; END $$',
  ),
  opaque("CALL tidy('journal')"),
  opaque('SELECT forget_customer(60)'),
  opaque('SELECT forget_customer(id) FROM customers WHERE id > 55'),
  opaque('WITH x AS (SELECT forget_customer(58)) SELECT * FROM x'),
  opaque('VALUES (forget_customer(59))'),
  script(
    'a prepared statement does what it says when it is executed',
    [
      { sql: 'PREPARE clear AS DELETE FROM journal', total: 0 },
      { sql: 'EXECUTE clear', opaque: true },
    ],
    { really: 'unknown' },
  ),
  // It is executed, not only explained.
  one('EXPLAIN (ANALYZE, COSTS OFF) DELETE FROM journal', {
    total: 'SELECT count(*) FROM journal',
  }),
  opaque('EXPLAIN ANALYZE EXECUTE nothing_there', { notTried: 'there is no such statement' }),
  one("COPY (DELETE FROM journal RETURNING *) TO '/dev/null'", {
    total: 'SELECT count(*) FROM journal',
  }),
];

const unknown: readonly ImpactCase[] = [
  opaque("LOAD 'some_library'", { notTried: 'there is no such library' }),
];

const harmlessOnes: readonly ImpactCase[] = [
  one('SELECT count(*) FROM customers', { total: 0, safety: 'SAFE', fails: false }),
  one('EXPLAIN DELETE FROM journal', { total: 0, safety: 'SAFE' }),
  one("COMMENT ON TABLE customers IS 'who buys'", { total: 0, safety: 'SAFE' }),
  one("SET lock_timeout = '2s'", { total: 0, safety: 'SAFE' }),
  one('ANALYZE', { total: 0, safety: 'SAFE' }),
  one('CREATE TABLE fresh (id int PRIMARY KEY)', { total: 0, safety: 'SAFE', fails: false }),
  one('CREATE SCHEMA fresh', { total: 0, safety: 'SAFE', fails: false }),
  one('CREATE VIEW fresh AS SELECT id FROM customers', { total: 0, safety: 'SAFE', fails: false }),
  one('CREATE TEMP TABLE fresh AS SELECT * FROM orders', { total: 0, safety: 'SAFE' }),
  one('CREATE FUNCTION fresh() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$', {
    total: 0,
    safety: 'SAFE',
  }),
  failing('CREATE TABLE customers (id int)'),
  failing('CREATE SCHEMA app'),
  failing('CREATE VIEW journal AS SELECT 1 AS x'),
  one('CREATE TABLE IF NOT EXISTS customers (id int)', { total: 0, fails: false }),
  failing("CREATE TYPE order_status AS ENUM ('x')"),
];

export const otherCases: readonly ImpactCase[] = [...rights, ...code, ...unknown, ...harmlessOnes];
