import { type Count, type ImpactCase, script } from '../../../support/impact-case.js';

const rowsOf = (table: string) => `SELECT count(*) FROM ${table}`;

const table = (object: string, from: string) => ({
  ...{ rule: 'drop-table', object, rows: rowsOf(from), records: rowsOf(from) },
});

const column = (object: string, values: Count) => ({
  ...{ rule: 'drop-column', object, values, records: values },
});

/** A statement that loses nothing. */
const quiet = (sql: string) => ({ sql, total: 0 as const });

const made: readonly ImpactCase[] = [
  script('a column that the script itself adds is nobody else’s', [
    quiet('ALTER TABLE customers ADD COLUMN extra text'),
    quiet("UPDATE customers SET extra = 'x'"),
    quiet('ALTER TABLE customers DROP COLUMN extra'),
  ]),
  script('a table that the script itself makes', [
    quiet('CREATE TABLE copied AS SELECT * FROM customers'),
    quiet('DELETE FROM copied'),
    quiet('TRUNCATE copied'),
    quiet('DROP TABLE copied'),
  ]),
  script('a table is dropped, made again and dropped again', [
    { sql: 'DROP TABLE journal', impacts: [table('public.journal', 'journal')] },
    quiet('CREATE TABLE journal (id int)'),
    quiet('INSERT INTO journal VALUES (1)'),
    quiet('DROP TABLE journal'),
  ]),
  script('a temporary table hides the permanent one of its name', [
    quiet('CREATE TEMP TABLE journal (id int)'),
    quiet('DELETE FROM journal'),
    quiet('DROP TABLE journal'),
    { sql: 'DROP TABLE journal', impacts: [table('public.journal', 'journal')] },
  ]),
  script('the table is written anew and takes the old one’s name', [
    quiet('CREATE TABLE journal_new (LIKE journal)'),
    quiet('INSERT INTO journal_new SELECT * FROM journal'),
    { sql: 'DROP TABLE journal', impacts: [table('public.journal', 'journal')] },
    quiet('ALTER TABLE journal_new RENAME TO journal'),
    quiet('DELETE FROM journal WHERE line = 1'),
  ]),
  script('a view that the script makes is in the way', [
    quiet('CREATE VIEW lines AS SELECT entry FROM journal'),
    { sql: 'DROP TABLE journal', fails: true, total: 0 },
  ]),
  script('a foreign key that the script makes is in the way', [
    quiet('CREATE TABLE seats (id int, booking int REFERENCES bookings)'),
    { sql: 'DROP TABLE bookings', fails: true, total: 0 },
  ]),
];

const renamed: readonly ImpactCase[] = [
  script('a table is dropped under its new name', [
    {
      sql: 'ALTER TABLE customers RENAME TO clients',
      impacts: [{ rule: 'rename-table', object: 'public.customers', records: 0, safety: 'SAFE' }],
    },
    { sql: 'DROP TABLE clients CASCADE', impacts: [table('public.clients', 'customers')] },
  ]),
  script('the old name is not there any more', [
    quiet('ALTER TABLE journal RENAME TO diary'),
    { sql: 'DROP TABLE journal', fails: true, total: 0 },
  ]),
  script('two tables change names', [
    quiet('ALTER TABLE journal RENAME TO other'),
    quiet('ALTER TABLE cache RENAME TO journal'),
    { sql: 'DROP TABLE journal', impacts: [table('public.journal', 'cache')] },
  ]),
  script('a column is dropped under its new name', [
    {
      sql: 'ALTER TABLE customers RENAME COLUMN phone TO telephone',
      impacts: [
        { rule: 'rename-column', object: 'public.customers.phone', records: 0, safety: 'SAFE' },
      ],
    },
    {
      sql: 'ALTER TABLE customers DROP COLUMN telephone',
      impacts: [column('public.customers.telephone', 'SELECT count(phone) FROM customers')],
    },
  ]),
  script(
    'rows are chosen and changed by new names',
    [
      quiet('ALTER TABLE customers RENAME phone TO telephone'),
      quiet('ALTER TABLE customers RENAME TO clients'),
      {
        sql: "UPDATE clients SET telephone = NULL WHERE telephone LIKE '01%'",
        impacts: [
          {
            ...{ rule: 'update', object: 'public.clients' },
            rows: "SELECT count(*) FROM customers WHERE phone LIKE '01%'",
            records: "SELECT count(*) FROM customers WHERE phone LIKE '01%'",
          },
        ],
      },
    ],
    { really: "SELECT count(*) FROM customers WHERE phone LIKE '01%'" },
  ),
  script('a table moves to another schema', [
    quiet('ALTER TABLE orders SET SCHEMA archive'),
    { sql: 'DROP TABLE orders', fails: true, total: 0 },
  ]),
  script('a table is dropped in its new schema', [
    quiet('ALTER TABLE orders SET SCHEMA archive'),
    { sql: 'DROP TABLE archive.orders CASCADE', impacts: [table('archive.orders', 'orders')] },
  ]),
  script('a schema is dropped under its new name', [
    quiet('ALTER SCHEMA archive RENAME TO attic'),
    {
      sql: 'DROP SCHEMA attic CASCADE',
      impacts: [
        table('attic.customers', 'archive.customers'),
        table('attic.sessions', 'archive.sessions'),
      ],
    },
  ]),
  script('a type is dropped under its new name', [
    quiet('ALTER TYPE colour RENAME TO tint'),
    {
      sql: 'DROP TYPE tint CASCADE',
      total: 'SELECT (SELECT count(colour) FROM customers) + (SELECT count(colours) FROM products)',
    },
  ]),
];

const paths: readonly ImpactCase[] = [
  script('names are looked up where search_path says', [
    quiet('SET search_path = archive'),
    { sql: 'DROP TABLE sessions', impacts: [table('archive.sessions', 'archive.sessions')] },
    {
      sql: 'DELETE FROM customers',
      impacts: [
        {
          rule: 'delete-without-where',
          object: 'archive.customers',
          records: rowsOf('archive.customers'),
        },
      ],
    },
  ]),
  script('the first schema of search_path that has the name wins', [
    quiet('SET LOCAL search_path = app, archive, public'),
    {
      sql: 'ALTER TABLE customers DROP COLUMN email',
      impacts: [column('archive.customers.email', 'SELECT count(email) FROM archive.customers')],
    },
    { sql: 'DROP TABLE journal', impacts: [table('public.journal', 'public.journal')] },
  ]),
  script('search_path as it was before', [
    quiet('SET search_path TO archive'),
    quiet('RESET search_path'),
    {
      sql: 'ALTER TABLE customers DROP COLUMN phone',
      impacts: [column('public.customers.phone', 'SELECT count(phone) FROM public.customers')],
    },
  ]),
];

const following: readonly ImpactCase[] = [
  script('what is in the way goes first', [
    quiet('DROP VIEW active_emails'),
    quiet('DROP VIEW active_customers'),
    {
      sql: 'ALTER TABLE customers DROP COLUMN email',
      fails: false,
      impacts: [column('public.customers.email', 'SELECT count(email) FROM customers')],
    },
  ]),
  script('the referring table goes first', [
    {
      sql: 'DROP TABLE archive.sessions',
      impacts: [table('archive.sessions', 'archive.sessions')],
    },
    {
      sql: 'DROP TABLE archive.customers',
      fails: false,
      impacts: [table('archive.customers', 'archive.customers')],
    },
  ]),
  script('without the foreign key nothing is in the way', [
    quiet('ALTER TABLE payments DROP CONSTRAINT payments_order_fk'),
    {
      sql: 'DELETE FROM orders WHERE id = 6',
      fails: false,
      total:
        'SELECT 1 + (SELECT count(*) FROM order_lines WHERE order_id = 6) + (SELECT count(*) FROM line_notes WHERE order_id = 6 AND line_no IS NOT NULL)',
    },
  ]),
  script('what the script repairs first is not said to fail', [
    quiet("UPDATE orders SET comment = 'none' WHERE comment IS NULL"),
    {
      sql: 'ALTER TABLE orders ALTER COLUMN comment SET NOT NULL',
      impacts: [{ rule: 'set-not-null', object: 'public.orders.comment', fails: null }],
    },
  ]),
  script('orphans that the script removes first are not said to fail', [
    {
      sql: 'DELETE FROM payments WHERE order_id > 1000',
      total: 'SELECT count(*) FROM payments WHERE order_id > 1000',
    },
    {
      sql: 'ALTER TABLE payments VALIDATE CONSTRAINT payments_order_fk',
      impacts: [{ rule: 'validate-constraint', object: 'public.payments', fails: null }],
    },
  ]),
  script('a detached partition is a table of its own', [
    quiet('ALTER TABLE readings DETACH PARTITION readings_2024'),
    { sql: 'DROP TABLE readings_2024', impacts: [table('public.readings_2024', 'readings_2024')] },
  ]),
  script('a detached partition does not go with its former parent', [
    quiet('ALTER TABLE readings DETACH PARTITION readings_2024'),
    {
      sql: 'DROP TABLE readings',
      total: 'SELECT (SELECT count(*) FROM readings_2025) + (SELECT count(*) FROM readings_other)',
    },
  ]),
  script('several columns of one table', [
    {
      sql: 'ALTER TABLE customers DROP COLUMN phone',
      impacts: [column('public.customers.phone', 'SELECT count(phone) FROM customers')],
    },
    {
      sql: 'ALTER TABLE customers DROP COLUMN born',
      impacts: [column('public.customers.born', 'SELECT count(born) FROM customers')],
    },
    {
      sql: 'ALTER TABLE customers DROP COLUMN score',
      impacts: [column('public.customers.score', 'SELECT count(score) FROM customers')],
    },
    {
      sql: 'ALTER TABLE customers DROP COLUMN raw',
      impacts: [column('public.customers.raw', 'SELECT count(raw) FROM customers')],
    },
  ]),
  script(
    'a type’s columns and then their table: each value once',
    [
      {
        sql: 'DROP TYPE price_range CASCADE',
        impacts: [column('public.products.band', 'SELECT count(band) FROM products')],
      },
      { sql: 'DROP TABLE products CASCADE', impacts: [table('public.products', 'products')] },
      // The values go with the type, the rows with the table: run for real, only the rows are missing at the end.
    ],
    { really: rowsOf('products') },
  ),
  script('a column changes its type and then goes', [
    quiet('ALTER TABLE customers ALTER COLUMN visits TYPE text'),
    {
      sql: 'ALTER TABLE customers DROP COLUMN visits',
      impacts: [column('public.customers.visits', 'SELECT count(visits) FROM customers')],
    },
  ]),
  script('an identity and its sequence', [
    {
      sql: 'ALTER TABLE customers ALTER COLUMN id DROP IDENTITY',
      impacts: [{ rule: 'drop-identity', object: 'public.customers.id', records: 0 }],
    },
    { sql: 'DROP SEQUENCE customers_id_seq', fails: true, total: 0 },
  ]),
];

const enums: readonly ImpactCase[] = [
  script('a new value of an enum', [
    { sql: "ALTER TYPE order_status ADD VALUE 'lost'", total: 0, safety: 'SAFE', fails: false },
  ]),
  script('a value that the enum has already', [
    { sql: "ALTER TYPE order_status ADD VALUE 'paid'", total: 0, fails: true },
  ]),
  script('a new value is used in the transaction that adds it', [
    quiet("ALTER TYPE order_status ADD VALUE 'lost' AFTER 'sent'"),
    { sql: "UPDATE orders SET status = 'lost' WHERE id = 3", fails: true },
  ]),
  script(
    'a value gets another name',
    [
      { sql: "ALTER TYPE order_status RENAME VALUE 'paid' TO 'settled'", fails: false, total: 0 },
      // Every value with that label reads differently from then on; it is the same value.
    ],
    { really: 'unknown' },
  ),
  script('a value that is not there gets another name', [
    { sql: "ALTER TYPE order_status RENAME VALUE 'nothing' TO 'settled'", fails: true, total: 0 },
  ]),
  script(
    'an enum is made again without one of its values',
    [
      quiet('ALTER TYPE app.mood RENAME TO mood_old'),
      quiet("CREATE TYPE app.mood AS ENUM ('sad', 'happy')"),
      {
        sql: 'ALTER TABLE app.feelings ALTER COLUMN mood TYPE app.mood USING mood::text::app.mood',
        // The new type is not there yet to try it with: nobody may say that it works.
        impacts: [
          { rule: 'alter-column-type', object: 'app.feelings.mood', fails: null, records: null },
        ],
      },
    ],
    { notTried: 'whether it fails is not said' },
  ),
  script(
    'a composite type loses an attribute, and with it every value of that attribute',
    [
      { sql: 'DROP VIEW product_sizes', total: 0 },
      {
        sql: 'ALTER TYPE size DROP ATTRIBUTE unit CASCADE',
        total: 'SELECT count((size).unit) FROM products',
      },
      // Compared as a whole, every value of the type is another one without the attribute.
    ],
    { really: 'unknown' },
  ),
];

export const scriptCases: readonly ImpactCase[] = [
  ...made,
  ...renamed,
  ...paths,
  ...following,
  ...enums,
];
