import {
  type Count,
  type ExpectedImpact,
  failing,
  type ImpactCase,
  one,
} from '../../../support/impact-case.js';

const count = (table: string, where: string) => `SELECT count(*) FROM ${table} WHERE ${where}`;

/** Rows of a table that are not the only one with their values. */
const twice = (table: string, by: string, where = `(${by}) IS NOT NULL`) =>
  `SELECT count(*) FROM (SELECT count(*) OVER (PARTITION BY ${by}) AS n FROM ${table} WHERE ${where}) x WHERE n > 1`;

/** Rows without a counterpart. */
const orphans = (table: string, column: string, to: string, key: string) =>
  `SELECT count(*) FROM ${table} t WHERE ${column} IS NOT NULL AND NOT EXISTS (SELECT FROM ${to} r WHERE r.${key} = t.${column})`;

/** A statement that fails on so many rows; 0: it does not fail. Nothing is lost by it. */
function checked(
  sql: string,
  impact: Pick<ExpectedImpact, 'rule' | 'object'> & Partial<ExpectedImpact>,
  breaks: Count,
  more: Omit<ImpactCase, 'name' | 'statements'> = {},
): ImpactCase {
  const isFine = breaks === 0;
  return one(
    sql,
    { impacts: [{ ...impact, rows: breaks, fails: !isFine, records: 0 }], fails: !isFine },
    more,
  );
}

const notNull = (table: string, column: string, breaks: Count) =>
  checked(
    `ALTER TABLE ${table} ALTER COLUMN ${column} SET NOT NULL`,
    { rule: 'set-not-null', object: `${table.includes('.') ? '' : 'public.'}${table}.${column}` },
    breaks,
  );

const notNulls: readonly ImpactCase[] = [
  notNull('customers', 'email', count('customers', 'email IS NULL')),
  notNull('customers', 'name', 0),
  notNull('orders', 'placed_at', 0),
  notNull('orders', 'customer_id', count('orders', 'customer_id IS NULL')),
  notNull('payments', 'method', count('payments', 'method IS NULL')),
  notNull('app.settings', 'value', count('app.settings', 'value IS NULL')),
  notNull('readings', 'value', count('readings', 'value IS NULL')),
  notNull('readings_2025', 'note', count('readings_2025', 'note IS NULL')),
  notNull('stock', 'place', count('stock', 'place IS NULL')),
  notNull('stock', 'id', 0),
  notNull('audit', 'what', 0),
  // A row of NULLs is not NULL: only where the whole value is missing does it fail.
  notNull('products', 'size', count('products', 'size IS NOT DISTINCT FROM NULL')),
  failing('ALTER TABLE categories ALTER COLUMN id DROP NOT NULL'),
];

const check = (table: string, condition: string, breaks: Count, end = '') =>
  checked(
    `ALTER TABLE ${table} ADD CONSTRAINT new_check CHECK (${condition})${end}`,
    { rule: 'add-check', object: `public.${table}`, lock: 'ACCESS EXCLUSIVE' },
    breaks,
  );

const checks: readonly ImpactCase[] = [
  check('customers', 'balance >= 10', count('customers', 'balance < 10')),
  check('customers', 'visits > 0', 0),
  check('customers', 'balance >= 10', 0, ' NOT VALID'),
  check(
    'customers',
    'email IS NOT NULL OR phone IS NOT NULL',
    count('customers', 'email IS NULL AND phone IS NULL'),
  ),
  check('readings', "value <> 'NaN'", count('readings', "value = 'NaN'")),
  check('visits_de', "country = 'DE'", count('visits_de', "country = 'CH'")),
  check('stock', 'amount < 100', count('stock', 'amount >= 100')),
  checked(
    'ALTER TABLE ONLY stock ADD CHECK (id < 100) NO INHERIT',
    { rule: 'add-check', object: 'public.stock' },
    0,
  ),
  checked(
    'ALTER TABLE payments VALIDATE CONSTRAINT payments_amount_check',
    { rule: 'validate-constraint', object: 'public.payments', lock: 'SHARE UPDATE EXCLUSIVE' },
    count('payments', 'amount <= 0'),
  ),
  checked(
    'ALTER TABLE payments VALIDATE CONSTRAINT payments_date_check',
    { rule: 'validate-constraint', object: 'public.payments' },
    0,
  ),
  checked(
    'ALTER TABLE payments VALIDATE CONSTRAINT payments_order_fk',
    { rule: 'validate-constraint', object: 'public.payments' },
    orphans('payments', 'order_id', 'orders', 'id'),
  ),
  failing('ALTER TABLE payments VALIDATE CONSTRAINT nothing_there'),
  failing('ALTER TABLE payments ADD CONSTRAINT payments_amount_check CHECK (amount > -1000)'),
];

const unique = (table: string, by: string, breaks: Count, how = 'UNIQUE') =>
  checked(
    `ALTER TABLE ${table} ADD CONSTRAINT new_unique ${how} (${by})`,
    { rule: 'add-unique', object: `public.${table}`, lock: 'ACCESS EXCLUSIVE' },
    breaks,
  );

const uniqueIndex = (index: string, table: string, breaks: Count) =>
  checked(
    `CREATE UNIQUE INDEX new_index ON ${table} ${index}`,
    { rule: 'create-unique-index', object: `public.${table}`, lock: 'SHARE' },
    breaks,
  );

const duplicates: readonly ImpactCase[] = [
  unique('customers', 'email', twice('customers', 'email')),
  unique('customers', 'phone', twice('customers', 'phone')),
  unique('customers', 'email, id', 0),
  unique(
    'customers',
    'country, level',
    twice('customers', 'country, level', 'country IS NOT NULL AND level IS NOT NULL'),
  ),
  unique('customers', 'email', twice('customers', 'email', 'true'), 'UNIQUE NULLS NOT DISTINCT'),
  unique('accounts', 'login', twice('accounts', 'login')),
  unique('bookings', 'guest', 0),
  unique('customers', 'rating', twice('customers', 'rating')),
  unique('readings', 'value, taken_on', 0),
  // A unique constraint of a partitioned table has to have the partition key in it.
  failing('ALTER TABLE readings ADD UNIQUE (value)'),
  uniqueIndex('(normal(code))', 'orders', twice('orders', 'normal(code)')),
  uniqueIndex(
    "(code) WHERE status <> 'new'",
    'orders',
    twice('orders', 'code', "code IS NOT NULL AND status <> 'new'"),
  ),
  uniqueIndex('(id) INCLUDE (code)', 'orders', 0),
  uniqueIndex('((login::text))', 'accounts', twice('accounts', 'login::text', 'login IS NOT NULL')),
  checked(
    'CREATE UNIQUE INDEX CONCURRENTLY new_index ON customers (email)',
    { rule: 'create-unique-index', object: 'public.customers', lock: 'SHARE UPDATE EXCLUSIVE' },
    twice('customers', 'email'),
    { inTransaction: false },
  ),
  checked(
    'ALTER TABLE journal ADD PRIMARY KEY (day, line)',
    { rule: 'add-primary-key', object: 'public.journal' },
    twice('journal', 'day, line', 'true'),
  ),
  checked(
    'ALTER TABLE visits_fr ADD PRIMARY KEY (id)',
    { rule: 'add-primary-key', object: 'public.visits_fr' },
    0,
  ),
  checked(
    'ALTER TABLE visits_fr ADD PRIMARY KEY (country)',
    { rule: 'add-primary-key', object: 'public.visits_fr' },
    `SELECT count(*) FROM visits_fr v WHERE country IS NULL
        OR (SELECT count(*) FROM visits_fr o WHERE o.country = v.country) > 1`,
  ),
  failing('ALTER TABLE customers ADD PRIMARY KEY (name)'),
  failing('CREATE UNIQUE INDEX new_index ON customers (nothing_there)'),
  failing('CREATE INDEX orders_code_idx ON orders (code)'),
];

const clashing = (more: string, where = 'true') =>
  `SELECT count(*) FROM bookings a WHERE ${where.replaceAll('$', 'a.')} AND EXISTS (SELECT FROM bookings b
    WHERE b.id <> a.id AND ${where.replaceAll('$', 'b.')} AND a.during && b.during AND ${more})`;

const exclusions: readonly ImpactCase[] = [
  checked(
    'ALTER TABLE bookings ADD EXCLUDE USING gist (during WITH &&)',
    { rule: 'add-exclusion', object: 'public.bookings' },
    clashing('true'),
  ),
  checked(
    'ALTER TABLE bookings ADD EXCLUDE USING gist (int4range(room, room, $$[]$$) WITH &&, during WITH &&)',
    { rule: 'add-exclusion', object: 'public.bookings' },
    clashing('a.room = b.room'),
  ),
  checked(
    'ALTER TABLE bookings ADD EXCLUDE USING gist (during WITH &&) WHERE (room = 2)',
    { rule: 'add-exclusion', object: 'public.bookings' },
    clashing('true', '$room = 2'),
  ),
];

const foreignKey = (table: string, definition: string, breaks: Count) =>
  checked(
    `ALTER TABLE ${table} ADD CONSTRAINT new_fk FOREIGN KEY ${definition}`,
    { rule: 'add-foreign-key', object: `${table.includes('.') ? '' : 'public.'}${table}` },
    breaks,
  );

const foreignKeys: readonly ImpactCase[] = [
  foreignKey(
    'payments',
    '(order_id) REFERENCES orders',
    orphans('payments', 'order_id', 'orders', 'id'),
  ),
  foreignKey('payments', '(order_id) REFERENCES orders NOT VALID', 0),
  foreignKey('archive.sessions', '(customer_id) REFERENCES public.customers', 0),
  foreignKey(
    'journal',
    '(line) REFERENCES categories (id)',
    orphans('journal', 'line', 'categories', 'id'),
  ),
  foreignKey(
    'visits',
    '(country) REFERENCES countries',
    orphans('visits', 'country', 'countries', 'code'),
  ),
  foreignKey(
    'line_notes',
    '(order_id, line_no) REFERENCES order_lines MATCH FULL',
    count('line_notes', '(order_id IS NULL) <> (line_no IS NULL)'),
  ),
  foreignKey(
    'line_notes',
    '(id) REFERENCES stock (id)',
    `SELECT count(*) FROM line_notes WHERE id NOT IN (SELECT id FROM ONLY stock)`,
  ),
  failing('ALTER TABLE payments ADD FOREIGN KEY (order_id) REFERENCES orders (customer_id)'),
  failing('ALTER TABLE payments ADD FOREIGN KEY (order_id) REFERENCES products (sku)'),
  failing('ALTER TABLE payments ADD FOREIGN KEY (order_id) REFERENCES nothing_there'),
  failing('ALTER TABLE payments DROP CONSTRAINT nothing_there'),
  one('ALTER TABLE payments DROP CONSTRAINT IF EXISTS nothing_there', { fails: false, total: 0 }),
];

const domains: readonly ImpactCase[] = [
  checked(
    'ALTER DOMAIN amount ADD CONSTRAINT new_check CHECK (VALUE < 200)',
    { rule: 'add-domain-constraint', object: 'public.orders.total', because: 'public.amount' },
    count('orders', 'total >= 200'),
  ),
  one('ALTER DOMAIN amount ADD CHECK (VALUE < 200) NOT VALID', { fails: false, total: 0 }),
  checked(
    "ALTER DOMAIN short_text ADD CHECK (VALUE <> '')",
    {
      rule: 'add-domain-constraint',
      object: 'public.products.title',
      because: 'public.short_text',
    },
    count('products', "title = ''"),
  ),
  checked(
    'ALTER DOMAIN short_text SET NOT NULL',
    { rule: 'set-domain-not-null', object: 'public.products.title', because: 'public.short_text' },
    count('products', 'title IS NULL'),
  ),
  one('ALTER DOMAIN amount DROP CONSTRAINT amount_check', { fails: false, total: 0 }),
];

const newColumns: readonly ImpactCase[] = [
  checked(
    'ALTER TABLE customers ADD COLUMN extra text NOT NULL',
    { rule: 'add-column-not-null', object: 'public.customers.extra' },
    'SELECT count(*) FROM customers',
  ),
  checked(
    'ALTER TABLE drafts ADD COLUMN extra text NOT NULL',
    { rule: 'add-column-not-null', object: 'public.drafts.extra' },
    0,
  ),
  one('ALTER TABLE customers ADD COLUMN extra text NOT NULL DEFAULT $$x$$', {
    fails: false,
    total: 0,
  }),
  // The new value is the same in all rows.
  one('ALTER TABLE customers ADD COLUMN extra int DEFAULT 1 UNIQUE', { fails: true, total: 0 }),
  one('ALTER TABLE customers ADD COLUMN extra int DEFAULT 3 CHECK (extra > 5)', {
    fails: true,
    total: 0,
  }),
  one('ALTER TABLE customers ADD COLUMN extra int DEFAULT 99 REFERENCES categories', {
    fails: true,
    total: 0,
  }),
  one('ALTER TABLE customers ADD COLUMN extra int REFERENCES categories', {
    fails: false,
    total: 0,
  }),
  one('ALTER TABLE customers ADD COLUMN extra int UNIQUE', { fails: false, total: 0 }),
  one('ALTER TABLE drafts ADD COLUMN extra int DEFAULT 1 UNIQUE', { fails: false, total: 0 }),
  failing('ALTER TABLE customers ADD COLUMN phone text'),
  one('ALTER TABLE customers ADD COLUMN IF NOT EXISTS phone text', { fails: false, total: 0 }),
  failing('ALTER TABLE nothing_there ADD COLUMN x int'),
];

const outside = (table: string, bound: string) => count(table, `NOT coalesce(${bound}, false)`);

const partitions: readonly ImpactCase[] = [
  one(
    "ALTER TABLE readings ATTACH PARTITION readings_2023 FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')",
    {
      impacts: [
        {
          rule: 'attach-partition',
          object: 'public.readings_2023',
          rows: 0,
          fails: false,
          records: 0,
        },
      ],
      fails: false,
    },
  ),
  one(
    "ALTER TABLE readings ATTACH PARTITION readings_2023 FOR VALUES FROM ('2023-01-06') TO ('2024-01-01')",
    {
      impacts: [
        {
          ...{ rule: 'attach-partition', object: 'public.readings_2023', fails: true },
          rows: outside('readings_2023', "taken_on >= '2023-01-06' AND taken_on < '2024-01-01'"),
        },
      ],
    },
  ),
  one(
    "ALTER TABLE readings ATTACH PARTITION readings_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
    {
      impacts: [
        {
          ...{ rule: 'attach-partition', object: 'public.readings_2026', fails: true },
          rows: outside('readings_2026', "taken_on >= '2026-01-01' AND taken_on < '2027-01-01'"),
        },
      ],
    },
  ),
  one("ALTER TABLE visits ATTACH PARTITION visits_fr FOR VALUES IN ('FR', 'BE')", {
    impacts: [
      {
        ...{ rule: 'attach-partition', object: 'public.visits_fr', fails: true },
        rows: outside('visits_fr', "country IN ('FR', 'BE')"),
      },
    ],
  }),
  failing(
    "ALTER TABLE readings ATTACH PARTITION readings_2023 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')",
  ),
  failing("ALTER TABLE visits ATTACH PARTITION visits_fr FOR VALUES IN ('AT')"),
  // Rows of the new partition that are in the default one now.
  one(
    "CREATE TABLE readings_new PARTITION OF readings FOR VALUES FROM ('2026-01-01') TO ('2026-02-01')",
    {
      fails: true,
      total: 0,
    },
  ),
  one(
    "CREATE TABLE readings_new PARTITION OF readings FOR VALUES FROM ('2022-01-01') TO ('2023-01-01')",
    {
      fails: false,
      total: 0,
    },
  ),
  one('ALTER TABLE readings DETACH PARTITION readings_2024', {
    impacts: [
      {
        ...{ rule: 'detach-partition', rows: 'SELECT count(*) FROM readings_2024', records: 0 },
        ...{ object: 'public.readings_2024', fails: false, lock: 'ACCESS EXCLUSIVE' },
      },
    ],
  }),
  // With a default partition it cannot be done concurrently.
  one(
    'ALTER TABLE visits DETACH PARTITION visits_at CONCURRENTLY',
    {
      impacts: [
        {
          rule: 'detach-partition',
          object: 'public.visits_at',
          rows: 'SELECT count(*) FROM visits_at',
          records: 0,
        },
      ],
      transactional: false,
    },
    { inTransaction: false },
  ),
  one('ALTER TABLE stock_abroad NO INHERIT stock', {
    impacts: [{ rule: 'no-inherit', object: 'public.stock_abroad', records: 0 }],
    fails: false,
  }),
];

export const constraintCases: readonly ImpactCase[] = [
  ...[...notNulls, ...checks, ...duplicates, ...exclusions, ...foreignKeys],
  ...[...domains, ...newColumns, ...partitions],
];
