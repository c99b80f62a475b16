import { type ImpactCase, script } from '../../../support/impact-case.js';

const quiet = (sql: string) => ({ sql, total: 0 as const });

const count = (table: string, where = 'true') => `SELECT count(*) FROM ${table} WHERE ${where}`;

const values = (table: string, column: string) => `SELECT count(${column}) FROM ${table}`;

const names: readonly ImpactCase[] = [
  script('a column is dropped, made again and dropped again', [
    { sql: 'ALTER TABLE customers DROP COLUMN phone', total: values('customers', 'phone') },
    quiet('ALTER TABLE customers ADD COLUMN phone text'),
    quiet("UPDATE customers SET phone = 'new'"),
    quiet('ALTER TABLE customers DROP COLUMN phone'),
  ]),
  script('two columns change names', [
    quiet('ALTER TABLE customers RENAME COLUMN phone TO old_phone'),
    quiet('ALTER TABLE customers RENAME COLUMN born TO phone'),
    { sql: 'ALTER TABLE customers DROP COLUMN phone', total: values('customers', 'born') },
  ]),
  script('a check names a renamed column', [
    quiet('ALTER TABLE customers RENAME COLUMN balance TO credit'),
    {
      sql: 'ALTER TABLE customers ADD CONSTRAINT new_check CHECK (credit >= 10)',
      impacts: [
        {
          ...{ rule: 'add-check', object: 'public.customers', fails: true },
          rows: count('customers', 'balance < 10'),
        },
      ],
    },
  ]),
  script('a subquery names a renamed table', [
    quiet('ALTER TABLE categories RENAME TO topics'),
    {
      sql: 'DELETE FROM journal WHERE line IN (SELECT id FROM topics WHERE parent_id IS NOT NULL)',
      total: count('journal', 'line IN (SELECT id FROM categories WHERE parent_id IS NOT NULL)'),
    },
  ]),
  script('a conversion uses a renamed column', [
    quiet('ALTER TABLE customers RENAME COLUMN level TO grade'),
    {
      sql: 'ALTER TABLE customers ALTER COLUMN grade TYPE integer USING grade::integer',
      impacts: [
        {
          ...{ rule: 'alter-column-type', object: 'public.customers.grade', fails: true },
          rows: count('customers', "level = 'n/a'"),
        },
      ],
    },
  ]),
  script('rows that refer to a renamed table go along', [
    quiet('ALTER TABLE order_lines RENAME TO positions'),
    {
      sql: 'DELETE FROM positions WHERE quantity = 3',
      total: `SELECT (${count('order_lines', 'quantity = 3')}) + (SELECT count(*) FROM line_notes JOIN order_lines USING (order_id, line_no) WHERE quantity = 3)`,
    },
  ]),
  script('the temporary table is named with its schema', [
    quiet('CREATE TEMPORARY TABLE cache (key text)'),
    quiet('DROP TABLE pg_temp.cache'),
    { sql: 'TRUNCATE cache', total: count('cache') },
  ]),
  script(
    'new columns beside old ones',
    [
      quiet('ALTER TABLE customers ADD COLUMN shown_name text'),
      {
        sql: "UPDATE customers SET shown_name = name, phone = '0' WHERE id <= 30",
        total: count('customers', 'id <= 30 AND phone IS NOT NULL'),
      },
    ],
    { really: count('customers', 'id <= 30 AND phone IS NOT NULL') },
  ),
  script('a new column gets its values before it is required', [
    quiet('ALTER TABLE customers ADD COLUMN grade int'),
    quiet('UPDATE customers SET grade = id'),
    {
      sql: 'ALTER TABLE customers ALTER COLUMN grade SET NOT NULL',
      impacts: [{ rule: 'set-not-null', object: 'public.customers.grade', fails: null }],
    },
  ]),
  script('a new column without values is required', [
    quiet('ALTER TABLE customers ADD COLUMN grade int'),
    { sql: 'ALTER TABLE customers ALTER COLUMN grade SET NOT NULL', fails: true, total: 0 },
  ]),
];

const order: readonly ImpactCase[] = [
  script('a constraint that nobody validated, and then somebody does', [
    quiet('ALTER TABLE customers ADD CONSTRAINT new_check CHECK (balance >= 10) NOT VALID'),
    {
      sql: 'ALTER TABLE customers VALIDATE CONSTRAINT new_check',
      impacts: [
        {
          rule: 'validate-constraint',
          object: 'public.customers',
          rows: count('customers', 'balance < 10'),
          fails: true,
        },
      ],
    },
  ]),
  script('a new foreign key, and then it is validated', [
    quiet(
      'ALTER TABLE journal ADD CONSTRAINT new_fk FOREIGN KEY (line) REFERENCES categories NOT VALID',
    ),
    {
      sql: 'ALTER TABLE journal VALIDATE CONSTRAINT new_fk',
      impacts: [
        {
          rule: 'validate-constraint',
          object: 'public.journal',
          rows: count('journal', 'line NOT IN (SELECT id FROM categories)'),
          fails: true,
        },
      ],
    },
  ]),
  script('a check spares SET NOT NULL its scan', [
    quiet('ALTER TABLE customers ADD CONSTRAINT named CHECK (name IS NOT NULL) NOT VALID'),
    quiet('ALTER TABLE customers VALIDATE CONSTRAINT named'),
    { sql: 'ALTER TABLE customers ALTER COLUMN name SET NOT NULL', fails: false, total: 0 },
  ]),
  script('an index first, then the constraint over it', [
    quiet('CREATE UNIQUE INDEX customers_name_key ON customers (name)'),
    {
      sql: 'ALTER TABLE customers ADD CONSTRAINT one_name UNIQUE USING INDEX customers_name_key',
      fails: false,
      total: 0,
    },
  ]),
  script(
    'a table that is emptied and then dropped',
    [
      { sql: 'TRUNCATE journal', total: count('journal') },
      // As things are now: the rows that TRUNCATE takes are not there any more when the table goes.
      { sql: 'DROP TABLE journal', total: count('journal') },
    ],
    { really: count('journal') },
  ),
  script(
    'the rows go first, then what they refer to',
    [
      {
        sql: "DELETE FROM order_lines WHERE sku = 'P5'",
        total: `SELECT (${count('order_lines', "sku = 'P5'")}) + (SELECT count(*) FROM line_notes JOIN order_lines USING (order_id, line_no) WHERE sku = 'P5')`,
      },
      {
        sql: "DELETE FROM products WHERE sku = 'P5'",
        impacts: [{ rule: 'delete', object: 'public.products', rows: 1, records: 1 }],
      },
    ],
    { really: 'unknown' },
  ),
  script('a view is made anew after its column went', [
    quiet('DROP VIEW active_customers CASCADE'),
    {
      sql: 'ALTER TABLE customers DROP COLUMN country',
      fails: false,
      total: values('customers', 'country'),
    },
    quiet('CREATE VIEW active_customers AS SELECT id, name FROM customers'),
  ]),
  script('a replaced view may not lose a column', [
    {
      sql: 'CREATE OR REPLACE VIEW active_emails AS SELECT id FROM customers',
      fails: true,
      total: 0,
    },
  ]),
  script('a partition moves to another table', [
    quiet('CREATE TABLE old_readings (LIKE readings) PARTITION BY RANGE (taken_on)'),
    quiet('ALTER TABLE readings DETACH PARTITION readings_2024'),
    {
      sql: "ALTER TABLE old_readings ATTACH PARTITION readings_2024 FOR VALUES FROM ('2024-01-01') TO ('2025-01-01')",
      fails: false,
      total: 0,
    },
    { sql: 'DROP TABLE old_readings', total: count('readings_2024') },
  ]),
  script('a sequence starts again', [
    {
      sql: 'ALTER SEQUENCE invoice_numbers RESTART WITH 1',
      impacts: [{ rule: 'alter-sequence', object: 'public.invoice_numbers', records: 0 }],
    },
  ]),
  script(
    'a transaction of the script’s own',
    [
      quiet('BEGIN'),
      { sql: 'DELETE FROM journal WHERE line = 3', total: count('journal', 'line = 3') },
      quiet('COMMIT'),
      { sql: 'DROP TABLE cache', total: count('cache') },
    ],
    { inTransaction: false },
  ),
];

export const moreScriptCases: readonly ImpactCase[] = [...names, ...order];
