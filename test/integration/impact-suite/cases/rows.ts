import {
  type Count,
  failing,
  harmless,
  type ImpactCase,
  one,
} from '../../../support/impact-case.js';

const count = (table: string, where = 'true') => `SELECT count(*) FROM ${table} WHERE ${where}`;

const deleted = (object: string, rows: Count, rule = 'delete') => ({
  ...{
    rule,
    operation: 'DELETE',
    object,
    rows,
    values: 0,
    records: rows,
    lock: 'ROW EXCLUSIVE' as const,
  },
});

const emptied = (object: string, rows = count(object)) => ({
  ...{ rule: 'truncate', operation: 'TRUNCATE', object, rows, values: 0, records: rows },
  lock: 'ACCESS EXCLUSIVE' as const,
});

/** Rows that change, and those of them that lose a value. */
const changed = (object: string, rows: Count, records: Count, rule = 'update') => ({
  ...{ rule, object, rows, records, lock: 'ROW EXCLUSIVE' as const },
});

const taken = (object: string, rows: Count, because: string, rule = 'cascade-delete') => ({
  ...{ rule, object, rows, records: rows, because },
});

const ordersOf = (customers: string) => `customer_id IN (${customers})`;
const linesOf = (customers: string) =>
  `order_id IN (SELECT id FROM orders WHERE ${ordersOf(customers)})`;
const notesOf = (customers: string) => `line_no IS NOT NULL AND ${linesOf(customers)}`;

const subtree = (roots: string) => `SELECT count(*) FROM (
  WITH RECURSIVE below AS (SELECT id FROM categories WHERE ${roots}
    UNION SELECT c.id FROM categories c JOIN below b ON c.parent_id = b.id) SELECT id FROM below) x`;

const deletes: readonly ImpactCase[] = [
  one('DELETE FROM journal', {
    impacts: [deleted('public.journal', count('journal'), 'delete-without-where')],
  }),
  one('DELETE FROM journal WHERE true', { total: count('journal') }),
  one('DELETE FROM journal WHERE entry IS NULL', {
    impacts: [deleted('public.journal', count('journal', 'entry IS NULL'))],
  }),
  one("DELETE FROM journal WHERE amount = 'NaN' OR day < '2025-03-03'", {
    impacts: [deleted('public.journal', count('journal', "amount = 'NaN' OR day < '2025-03-03'"))],
  }),
  one("DELETE FROM journal WHERE entry = 'nothing like it'", {
    impacts: [deleted('public.journal', 0)],
  }),
  one('DELETE FROM journal j USING categories c WHERE c.id = j.line AND c.parent_id < 5', {
    // Rows are counted once, however many partners they have.
    impacts: [
      deleted(
        'public.journal',
        count('journal', 'line IN (SELECT id FROM categories WHERE parent_id < 5)'),
      ),
    ],
  }),
  one(
    'DELETE FROM line_notes n USING orders o, order_lines l WHERE l.order_id = o.id AND n.order_id = o.id',
    {
      impacts: [
        deleted(
          'public.line_notes',
          count('line_notes', 'order_id IN (SELECT order_id FROM order_lines)'),
        ),
      ],
    },
  ),
  one(
    'WITH old AS (SELECT id FROM bookings WHERE room = 2) DELETE FROM bookings WHERE id IN (SELECT id FROM old)',
    {
      impacts: [deleted('public.bookings', count('bookings', 'room = 2'))],
    },
  ),
  one(
    'DELETE FROM accounts a WHERE EXISTS (SELECT 1 FROM accounts b WHERE b.login = a.login AND b.id > a.id)',
    {
      impacts: [
        deleted(
          'public.accounts',
          'SELECT count(DISTINCT a.id) FROM accounts a JOIN accounts b ON b.login = a.login AND b.id > a.id',
        ),
      ],
    },
  ),
  one("DELETE FROM accounts WHERE login = 'AdMiN'", {
    impacts: [deleted('public.accounts', count('accounts', "lower(login::text) = 'admin'"))],
  }),
  one("DELETE FROM readings WHERE taken_on < '2024-10-01'", {
    impacts: [deleted('public.readings', count('readings', "taken_on < '2024-10-01'"))],
  }),
  one('DELETE FROM ONLY stock WHERE amount > 100', {
    impacts: [deleted('public.stock', count('ONLY stock', 'amount > 100'))],
  }),
  one('DELETE FROM stock WHERE place IS NULL', { total: count('stock', 'place IS NULL') }),
  one('DELETE FROM "Odd Names"."Käse ""Tabelle""" WHERE "select" > 6', {
    impacts: [
      deleted(
        'Odd Names."Käse ""Tabelle"""',
        count('"Odd Names"."Käse ""Tabelle"""', '"select" > 6'),
      ),
    ],
  }),
  // Another answer each time it is asked.
  one(
    'DELETE FROM journal WHERE random() < 0.5',
    { impacts: [{ rule: 'delete', object: 'public.journal', rows: null, records: null }] },
    { really: 'unknown' },
  ),
  failing('DELETE FROM nothing_there'),
  failing('DELETE FROM journal WHERE nothing_there = 1'),
  // The view's rows are the table's.
  one('DELETE FROM active_customers WHERE id = 60', { opaque: true }, { really: 'unknown' }),
];

const cascades: readonly ImpactCase[] = [
  one('DELETE FROM customers WHERE id IN (2, 11, 12)', {
    impacts: [
      deleted('public.customers', 3),
      taken('public.orders', count('orders', ordersOf('2, 11, 12')), 'public.customers'),
      taken('public.order_lines', count('order_lines', linesOf('2, 11, 12')), 'public.orders'),
      taken('public.line_notes', count('line_notes', notesOf('2, 11, 12')), 'public.order_lines'),
      {
        // They stay, without their customer.
        ...taken(
          'public.addresses',
          count('addresses', 'customer_id IN (2, 11, 12)'),
          'public.customers',
        ),
        rule: 'cascade-update',
      },
    ],
    fails: false,
  }),
  // Payments refer to the orders, and nothing takes them along.
  one('DELETE FROM customers WHERE id = 7', { fails: true, total: 0 }),
  one('DELETE FROM orders WHERE id = 101', {
    impacts: [
      deleted('public.orders', 1),
      taken('public.order_lines', count('order_lines', 'order_id = 101'), 'public.orders'),
      taken('public.line_notes', count('line_notes', 'order_id = 101'), 'public.order_lines'),
    ],
    fails: false,
  }),
  one('DELETE FROM order_lines WHERE quantity = 3', {
    impacts: [
      deleted('public.order_lines', count('order_lines', 'quantity = 3')),
      taken(
        'public.line_notes',
        'SELECT count(*) FROM line_notes JOIN order_lines USING (order_id, line_no) WHERE quantity = 3',
        'public.order_lines',
      ),
    ],
  }),
  one('DELETE FROM categories WHERE id IN (4, 5, 10)', {
    total: subtree('id IN (4, 5, 10)'),
    fails: false,
  }),
  one('DELETE FROM categories', { total: count('categories'), fails: false }),
  one("DELETE FROM products WHERE sku = 'P5'", { fails: true, total: 0 }),
  one('DELETE FROM products WHERE weight > 35', {
    impacts: [deleted('public.products', count('products', 'weight > 35'))],
  }),
  one("DELETE FROM countries WHERE code = 'DE'", {
    impacts: [
      deleted('public.countries', 1),
      {
        ...taken('public.addresses', count('addresses', "country_code = 'DE'"), 'public.countries'),
        rule: 'cascade-update',
      },
    ],
    fails: false,
  }),
  one("UPDATE countries SET code = 'OE' WHERE code = 'AT'", {
    impacts: [
      changed('public.countries', 1, 1),
      {
        ...taken('public.addresses', count('addresses', "country_code = 'AT'"), 'public.countries'),
        rule: 'cascade-update',
      },
    ],
    fails: false,
  }),
  one("UPDATE countries SET name = 'Österreich' WHERE code = 'AT'", {
    impacts: [changed('public.countries', 1, 1)],
    total: 1,
  }),
];

const updates: readonly ImpactCase[] = [
  one('UPDATE customers SET phone = NULL', {
    impacts: [
      changed(
        'public.customers',
        count('customers'),
        'SELECT count(phone) FROM customers',
        'update-without-where',
      ),
    ],
  }),
  one("UPDATE customers SET phone = 'none' WHERE country = 'AT'", {
    impacts: [
      changed(
        'public.customers',
        count('customers', "country = 'AT'"),
        count('customers', "country = 'AT' AND phone IS NOT NULL"),
      ),
    ],
  }),
  one("UPDATE customers SET phone = 'none' WHERE phone IS NULL", {
    impacts: [changed('public.customers', count('customers', 'phone IS NULL'), 0)],
  }),
  one("UPDATE customers SET phone = 'x', born = '1900-01-01', vip = true WHERE id % 7 < 3", {
    impacts: [
      changed(
        'public.customers',
        count('customers', 'id % 7 < 3'),
        count('customers', 'id % 7 < 3 AND num_nonnulls(phone, born, vip) > 0'),
      ),
    ],
  }),
  one("UPDATE customers SET (phone, country) = (SELECT 'y', 'ZZ') WHERE id < 9", {
    impacts: [
      changed(
        'public.customers',
        8,
        count('customers', 'id < 9 AND num_nonnulls(phone, country) > 0'),
      ),
    ],
  }),
  one(
    "UPDATE orders SET comment = 'again' FROM customers c WHERE c.id = orders.customer_id AND c.country = 'DE'",
    {
      impacts: [
        changed(
          'public.orders',
          count('orders', "customer_id IN (SELECT id FROM customers WHERE country = 'DE')"),
          count(
            'orders',
            "comment IS NOT NULL AND customer_id IN (SELECT id FROM customers WHERE country = 'DE')",
          ),
        ),
      ],
    },
  ),
  one('UPDATE order_lines l SET discount = 9 FROM line_notes n WHERE n.order_id = l.order_id', {
    // Most lines have several notes: each counts once.
    impacts: [
      changed(
        'public.order_lines',
        count('order_lines', 'order_id IN (SELECT order_id FROM line_notes)'),
        count(
          'order_lines',
          'discount IS NOT NULL AND order_id IN (SELECT order_id FROM line_notes)',
        ),
      ),
    ],
  }),
  one(
    "WITH few AS (SELECT id FROM bookings ORDER BY id LIMIT 12) UPDATE bookings SET guest = 'X' WHERE id IN (SELECT id FROM few)",
    {
      impacts: [
        changed('public.bookings', 12, count('bookings', 'id <= 12 AND guest IS NOT NULL')),
      ],
    },
  ),
  one("UPDATE customers SET tags[1] = 'x' WHERE id > 30", {
    impacts: [changed('public.customers', 30, count('customers', 'id > 30 AND tags IS NOT NULL'))],
  }),
  one('UPDATE products SET size.width = 1000', {
    impacts: [
      changed(
        'public.products',
        count('products'),
        // The value is there as soon as the row of it is, whatever its fields.
        count('products', 'NOT (size IS NOT DISTINCT FROM NULL)'),
        'update-without-where',
      ),
    ],
  }),
  one('UPDATE readings SET value = -1 WHERE note IS NULL', {
    impacts: [
      changed(
        'public.readings',
        count('readings', 'note IS NULL'),
        count('readings', 'note IS NULL AND value IS NOT NULL'),
      ),
    ],
  }),
  // Rows that move to another partition.
  one(
    "UPDATE readings SET taken_on = taken_on + 365 WHERE taken_on < '2024-08-01'",
    {
      impacts: [
        changed(
          'public.readings',
          count('readings', "taken_on < '2024-08-01'"),
          count('readings', "taken_on < '2024-08-01'"),
        ),
      ],
    },
    { really: 'unknown' },
  ),
  one('UPDATE stock SET amount = 0 WHERE amount > 100', { total: count('stock', 'amount > 100') }),
  one('UPDATE ONLY stock SET amount = 0', { total: 'SELECT count(amount) FROM ONLY stock' }),
  one('UPDATE "Orders" SET "Total" = 0 WHERE id > 2', {
    impacts: [changed('public.Orders', 5, count('"Orders"', 'id > 2 AND "Total" IS NOT NULL'))],
  }),
  failing('UPDATE customers SET nothing_there = 1'),
];

const merges: readonly ImpactCase[] = [
  one(
    `MERGE INTO countries c USING (VALUES ('AT', 'A'), ('XX', 'Unknown'), ('IT', 'Italy')) AS n (code, name) ON n.code = c.code
       WHEN MATCHED THEN UPDATE SET name = n.name WHEN NOT MATCHED THEN INSERT VALUES (n.code, n.name)`,
    { impacts: [changed('public.countries', 2, 1, 'merge')] },
  ),
  one(
    `MERGE INTO bookings b USING (SELECT 1) AS x ON b.room = 3 WHEN MATCHED AND guest IS NULL THEN DELETE
       WHEN MATCHED THEN DO NOTHING`,
    {
      impacts: [
        {
          rule: 'merge',
          object: 'public.bookings',
          records: count('bookings', 'room = 3 AND guest IS NULL'),
        },
      ],
    },
  ),
  one(
    `MERGE INTO accounts a USING generate_series(25, 35) AS n ON a.id = n WHEN MATCHED AND a.id % 2 = 0 THEN UPDATE SET login = 'merged'
       WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (n)`,
    { total: count('accounts', 'id >= 25 AND (id % 2 = 1 OR login IS NOT NULL)') },
  ),
  one(
    `MERGE INTO countries c USING (VALUES ('ZZ', 'Nowhere')) AS n (code, name) ON n.code = c.code
       WHEN NOT MATCHED THEN INSERT VALUES (n.code, n.name)`,
    { total: 0 },
  ),
];

const inserts: readonly ImpactCase[] = [
  harmless("INSERT INTO countries VALUES ('IT', 'Italy')"),
  harmless("INSERT INTO countries VALUES ('AT', 'Again') ON CONFLICT DO NOTHING"),
  one(
    "INSERT INTO countries VALUES ('AT', 'Again'), ('XX', 'Unknown'), ('IT', 'Italy') ON CONFLICT (code) DO UPDATE SET name = EXCLUDED.name",
    {
      impacts: [changed('public.countries', 2, 1, 'insert-on-conflict')],
    },
  ),
  one(
    `INSERT INTO app.settings (key, value) SELECT 'key' || n, '0' FROM generate_series(10, 20) n
       ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value WHERE settings.value IS DISTINCT FROM '13'`,
    {
      impacts: [
        {
          ...{ rule: 'insert-on-conflict', object: 'app.settings' },
          records: count('app.settings', "substr(key, 4)::int >= 10 AND value <> '13'"),
        },
      ],
    },
  ),
  one(
    'WITH gone AS (DELETE FROM journal WHERE line = 3 RETURNING *) INSERT INTO audit (what) SELECT entry FROM gone',
    {
      impacts: [deleted('public.journal', count('journal', 'line = 3'))],
    },
  ),
  one('WITH gone AS (DELETE FROM bookings WHERE room = 4 RETURNING id) SELECT count(*) FROM gone', {
    impacts: [deleted('public.bookings', count('bookings', 'room = 4'))],
  }),
];

const truncates: readonly ImpactCase[] = [
  one('TRUNCATE journal', { impacts: [emptied('public.journal')] }),
  one('TRUNCATE TABLE ONLY stock', { impacts: [emptied('public.stock', count('ONLY stock'))] }),
  one('TRUNCATE stock', { total: count('stock') }),
  one('TRUNCATE readings', { total: count('readings') }),
  one('TRUNCATE readings_2025', { impacts: [emptied('public.readings_2025')] }),
  one('TRUNCATE cache RESTART IDENTITY', { impacts: [emptied('public.cache')] }),
  failing('TRUNCATE orders'),
  one('TRUNCATE orders CASCADE', {
    impacts: [
      emptied('public.orders'),
      ...['order_lines', 'line_notes', 'payments'].map((name) => ({
        ...{ rule: 'truncate', object: `public.${name}`, records: count(name) },
      })),
    ],
  }),
  // TRUNCATE follows every foreign key, also those that would only set NULL.
  one('TRUNCATE customers CASCADE', {
    impacts: [
      emptied('public.customers'),
      ...['orders', 'order_lines', 'line_notes', 'payments', 'addresses'].map((name) => ({
        ...{ rule: 'truncate', object: `public.${name}`, records: count(name) },
      })),
    ],
  }),
  failing('TRUNCATE teams'),
  one('TRUNCATE teams, players', { impacts: [emptied('public.teams'), emptied('public.players')] }),
  one('TRUNCATE categories', { impacts: [emptied('public.categories')] }),
  failing('TRUNCATE active_customers'),
];

export const rowCases: readonly ImpactCase[] = [
  ...[...deletes, ...cascades, ...updates, ...merges, ...inserts, ...truncates],
];
