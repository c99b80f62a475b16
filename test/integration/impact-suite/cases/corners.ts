import { failing, type ImpactCase, one, script } from '../../../support/impact-case.js';

const quiet = (sql: string) => ({ sql, total: 0 as const });

const count = (table: string, where = 'true') => `SELECT count(*) FROM ${table} WHERE ${where}`;

const subtree = (root: number) => `SELECT count(*) FROM (
  WITH RECURSIVE below AS (SELECT ${root} AS id
    UNION SELECT c.id FROM categories c JOIN below b ON c.parent_id = b.id) SELECT id FROM below) x`;

/** DROP of several things, by other names, of things that are parts of others. */
const drops: readonly ImpactCase[] = [
  one('DROP SCHEMA app, archive CASCADE', {
    total: `SELECT (SELECT count(*) FROM app.settings) + (SELECT count(*) FROM app.feelings)
      + (SELECT count(*) FROM archive.customers) + (SELECT count(*) FROM archive.sessions)
      + (SELECT count(mood) FROM moods_elsewhere)`,
  }),
  one('DROP TABLE stock, stock_abroad', { total: count('stock'), fails: false }),
  one('DROP TABLE visits_de_early, readings_other', {
    total: 'SELECT (SELECT count(*) FROM visits_de_early) + (SELECT count(*) FROM readings_other)',
  }),
  one('DROP VIEW active_customers, active_emails', { total: 0, fails: false }),
  one('DROP TYPE amount CASCADE', { total: 'SELECT count(total) FROM orders' }),
  failing('DROP DOMAIN order_status'),
  failing('DROP TYPE customers'),
  failing('DROP TYPE colour, size'),
  failing('DROP TABLE customers, orders'),
  one('DROP FUNCTION forget_customer', { total: 0, fails: false }),
  one('DROP ROUTINE tidy', { total: 0, fails: false }),
  one('DROP EXTENSION plpgsql CASCADE', { total: 0, fails: false }),
  failing('DROP LANGUAGE plpgsql CASCADE'),
  failing('DROP SCHEMA "Odd Names"'),
  script('a view takes the old name of its table', [
    quiet('ALTER TABLE journal RENAME TO diary'),
    quiet('CREATE VIEW journal AS SELECT * FROM diary'),
    quiet('DROP VIEW journal'),
    { sql: 'DROP TABLE diary', fails: false, total: count('journal') },
  ]),
  script('a view under its new name', [
    quiet('ALTER VIEW active_emails RENAME TO emails'),
    quiet('DROP VIEW emails'),
    { sql: 'DROP VIEW active_customers', fails: false, total: 0 },
  ]),
];

const types: readonly ImpactCase[] = [
  // A partial index, a check and a default stand in the way of another type.
  one('ALTER TABLE orders ALTER COLUMN status TYPE text', { mayFail: true, total: 0 }),
  one('ALTER TABLE order_lines ALTER COLUMN quantity TYPE text', { mayFail: true, total: 0 }),
  failing('ALTER TABLE orders ALTER COLUMN code TYPE integer USING length(code)'),
  one(
    'ALTER TABLE orders ALTER COLUMN code DROP DEFAULT, ALTER COLUMN code TYPE integer USING length(code)',
    { fails: false, total: 'SELECT count(code) FROM orders' },
  ),
  failing('ALTER TABLE customers ALTER COLUMN id TYPE bigint'),
  failing('ALTER TABLE active_customers ALTER COLUMN email SET NOT NULL'),
  one('ALTER TABLE readings ALTER COLUMN id TYPE integer', { fails: false, total: 0 }),
  one('ALTER TABLE orders ALTER COLUMN status TYPE order_status USING status', {
    fails: false,
    total: 0,
  }),
];

const partitions: readonly ImpactCase[] = [
  failing(
    "ALTER TABLE readings ATTACH PARTITION journal FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')",
  ),
  // NULL has a partition of its own already.
  one('ALTER TABLE visits ATTACH PARTITION visits_fr DEFAULT', {
    impacts: [
      {
        ...{ rule: 'attach-partition', object: 'public.visits_fr', fails: true },
        rows: count('visits_fr', 'country IS NULL'),
      },
    ],
  }),
  script('a partition by hash goes and comes back', [
    quiet('ALTER TABLE buckets DETACH PARTITION buckets_2'),
    {
      sql: 'ALTER TABLE buckets ATTACH PARTITION buckets_2 FOR VALUES WITH (MODULUS 3, REMAINDER 2)',
      fails: false,
      total: 0,
    },
  ]),
  script('a partition by hash comes back as another one', [
    quiet('ALTER TABLE buckets DETACH PARTITION buckets_1'),
    quiet('ALTER TABLE buckets DETACH PARTITION buckets_2'),
    {
      sql: 'ALTER TABLE buckets ATTACH PARTITION buckets_2 FOR VALUES WITH (MODULUS 3, REMAINDER 1)',
      fails: true,
      total: 0,
    },
  ]),
  failing('ALTER TABLE payments ADD FOREIGN KEY (id) REFERENCES readings (id)'),
  one('ALTER TABLE categories ADD FOREIGN KEY (parent_id) REFERENCES categories', {
    fails: false,
    total: 0,
  }),
];

const rows: readonly ImpactCase[] = [
  one('DELETE FROM orders o USING customers c WHERE c.id = o.customer_id AND c.id IN (2, 12)', {
    fails: false,
    total: `SELECT (SELECT count(*) FROM orders WHERE customer_id IN (2, 12))
      + (SELECT count(*) FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE customer_id IN (2, 12))
      + (SELECT count(*) FROM line_notes n JOIN orders o ON o.id = n.order_id WHERE customer_id IN (2, 12) AND line_no IS NOT NULL)`,
  }),
  one(
    "INSERT INTO countries VALUES ('DE', 'D'), ('XX', 'X') ON CONFLICT ON CONSTRAINT countries_pkey DO UPDATE SET name = EXCLUDED.name",
    {
      total: 1,
    },
  ),
  one(
    "INSERT INTO accounts (id, other) VALUES (900, 'LOGIN3') ON CONFLICT (other) DO UPDATE SET login = 'taken', attributes = NULL",
    {
      total: count('accounts', 'id = 3 AND (login IS NOT NULL OR attributes IS NOT NULL)'),
    },
  ),
  one(
    "INSERT INTO readings (id, taken_on, value) VALUES (1, '2024-06-08', 0), (2, '2024-06-08', 0) ON CONFLICT (id, taken_on) DO UPDATE SET value = EXCLUDED.value",
    {
      total: 1,
    },
  ),
  one(
    'MERGE INTO categories c USING (VALUES (3)) AS v (id) ON v.id = c.id WHEN MATCHED THEN DELETE',
    {
      total: subtree(3),
    },
  ),
  one(
    `WITH first AS (DELETE FROM journal WHERE line = 1 RETURNING 1), second AS (UPDATE bookings SET guest = NULL WHERE room = 1 RETURNING 1)
     DELETE FROM cache WHERE key > 'k5'`,
    {
      total: `SELECT (${count('journal', 'line = 1')}) + (${count('bookings', 'room = 1 AND guest IS NOT NULL')}) + (${count('cache', "key > 'k5'")})`,
    },
  ),
  one('UPDATE active_customers SET email = NULL WHERE id = 56', { total: 1, fails: false }),
  // The view does not show it.
  one('UPDATE active_customers SET email = NULL WHERE id = 57', { total: 0, fails: false }),
  one('UPDATE orders SET id = id + 10000 WHERE id = 6', { fails: true, total: 0 }),
  one('UPDATE categories SET id = 100 WHERE id = 31', { fails: false, total: 1 }),
  // A key that stays what it is breaks nothing.
  one('UPDATE orders SET id = id, comment = NULL WHERE id = 6', { fails: false, total: 1 }),
  one("UPDATE products SET sku = 'Q' || sku WHERE sku IN ('P5', 'P6')", {
    fails: false,
    total: `SELECT 2 + (${count('order_lines', "sku IN ('P5', 'P6')")})`,
  }),
  one("DELETE FROM app.settings WHERE key = 'key1'", { fails: true, total: 0 }),
  one("DELETE FROM app.settings WHERE key = 'key2'", { fails: false, total: 1 }),
  one('DELETE FROM bookings AS b WHERE b.id BETWEEN 3 AND 7 AND b.* IS NOT NULL', {
    total: 'SELECT count(*) FROM bookings b WHERE id BETWEEN 3 AND 7 AND b IS NOT NULL',
  }),
  one('DELETE FROM stock WHERE tableoid = $$stock_abroad$$::regclass', {
    total: count('stock_abroad'),
  }),
];

export const cornerCases: readonly ImpactCase[] = [...drops, ...types, ...partitions, ...rows];
