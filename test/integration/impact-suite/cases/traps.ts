import { failing, type ImpactCase, one, script } from '../../../support/impact-case.js';

const quiet = (sql: string) => ({ sql, total: 0 as const });

const count = (table: string, where = 'true') => `SELECT count(*) FROM ${table} WHERE ${where}`;

const alone = { inTransaction: false };

/** What looks as if the script made it, or as if nothing were there. */
const takenForNew: readonly ImpactCase[] = [
  script('CREATE TABLE IF NOT EXISTS makes nothing where there is one', [
    quiet('CREATE TABLE IF NOT EXISTS journal (id int)'),
    { sql: 'DROP TABLE journal', total: count('journal') },
  ]),
  script('ADD COLUMN IF NOT EXISTS adds nothing where there is one', [
    quiet('ALTER TABLE customers ADD COLUMN IF NOT EXISTS phone text'),
    { sql: 'ALTER TABLE customers DROP COLUMN phone', total: 'SELECT count(phone) FROM customers' },
  ]),
  script('a table of the same name in another schema', [
    quiet('CREATE TABLE archive.journal (id int)'),
    { sql: 'DROP TABLE journal', total: count('journal') },
  ]),
  script('a table of the same name in a new schema', [
    quiet(
      'CREATE SCHEMA extra CREATE TABLE journal (id int) CREATE VIEW seen AS SELECT id FROM journal',
    ),
    quiet('DROP TABLE extra.journal CASCADE'),
    { sql: 'DROP TABLE journal', total: count('journal') },
  ]),
  script('SELECT INTO makes a table', [
    quiet('SELECT * INTO copied FROM customers'),
    quiet('DROP TABLE copied'),
  ]),
  one('DROP TABLE IF EXISTS nothing_there, journal', { total: count('journal'), fails: false }),
  one('DROP TABLE JOURNAL', { total: count('journal') }),
  failing('DROP TABLE "JOURNAL"'),
  one('DROP TABLE U&"j\\006Furnal"', { total: count('journal') }),
  failing('ALTER TABLE customers RENAME TO journal'),
  failing('ALTER TABLE customers RENAME COLUMN phone TO name'),
];

const transactions: readonly ImpactCase[] = [
  script(
    'what is rolled back did not happen',
    [
      quiet('BEGIN'),
      quiet('ALTER TABLE journal RENAME TO diary'),
      quiet('ROLLBACK'),
      { sql: 'DROP TABLE journal', total: count('journal'), fails: false },
    ],
    alone,
  ),
  script('what is rolled back to a savepoint did not happen', [
    quiet('SAVEPOINT before'),
    quiet('ALTER TABLE customers RENAME COLUMN phone TO telephone'),
    quiet('ROLLBACK TO SAVEPOINT before'),
    {
      sql: 'ALTER TABLE customers DROP COLUMN phone',
      total: 'SELECT count(phone) FROM customers',
      fails: false,
    },
  ]),
  script(
    'a temporary table that goes with its transaction',
    [
      quiet('BEGIN'),
      quiet('CREATE TEMP TABLE journal (id int) ON COMMIT DROP'),
      quiet('COMMIT'),
      { sql: 'DROP TABLE journal', total: count('journal') },
    ],
    alone,
  ),
  script(
    'DISCARD takes temporary tables away',
    [
      quiet('CREATE TEMP TABLE journal (id int)'),
      quiet('DISCARD TEMP'),
      { sql: 'DROP TABLE journal', total: count('journal') },
    ],
    alone,
  ),
  script(
    'SET LOCAL ends with its transaction',
    [
      quiet('BEGIN'),
      quiet('SET LOCAL search_path = archive'),
      quiet('COMMIT'),
      {
        sql: 'DELETE FROM customers WHERE id = 60',
        impacts: [{ rule: 'delete', object: 'public.customers', rows: 1, records: 1 }],
      },
    ],
    { ...alone, really: 1 },
  ),
  script('search_path set by a function, as dumps do it', [
    quiet("SELECT pg_catalog.set_config('search_path', '', false)"),
    { sql: 'DROP TABLE journal', fails: true, total: 0 },
  ]),
  script('search_path set by a function to another schema', [
    quiet("SELECT set_config('search_path', 'archive', false)"),
    { sql: 'DELETE FROM sessions', total: count('archive.sessions') },
  ]),
];

const expressions: readonly ImpactCase[] = [
  // NULL in the list: nothing is outside of it.
  one('DELETE FROM journal WHERE line NOT IN (SELECT parent_id FROM categories)', {
    total: 0,
    fails: false,
  }),
  one(
    "DELETE FROM bookings WHERE during && tsrange(now()::timestamp - interval '100 years', '2025-05-11')",
    {
      total: count('bookings', "during && tsrange(NULL, '2025-05-11')"),
    },
  ),
  one('DELETE FROM bookings WHERE id = (SELECT max(id) FROM bookings)', { total: 1 }),
  one(
    `WITH RECURSIVE up AS (SELECT id, parent_id FROM categories WHERE id = 31
       UNION SELECT c.id, c.parent_id FROM categories c JOIN up ON up.parent_id = c.id)
     DELETE FROM categories USING up WHERE categories.id = up.id AND categories.id > 15`,
    { total: 1 },
  ),
  one('DELETE FROM ONLY readings', { total: 0, fails: false }),
  failing('TRUNCATE ONLY readings'),
  one('UPDATE journal SET entry = DEFAULT WHERE line = 3', {
    total: count('journal', 'line = 3 AND entry IS NOT NULL'),
  }),
  one(
    'UPDATE journal j SET entry = o.entry FROM journal o WHERE o.line = j.line AND o.day > j.day AND j.line < 2',
    {
      total: `SELECT count(*) FROM journal j WHERE entry IS NOT NULL AND line < 2
              AND EXISTS (SELECT FROM journal o WHERE o.line = j.line AND o.day > j.day)`,
      // Some rows get the entry that they have.
    },
    { really: 'unknown' },
  ),
  failing("UPDATE products SET label = 'x'"),
  failing('ALTER TABLE active_customers DROP COLUMN email'),
];

const converted = (change: string, fails: string | 0, changes: string | 0) =>
  one(`ALTER TABLE customers ALTER COLUMN phone TYPE ${change}`, {
    impacts: [
      {
        ...{ rule: 'alter-column-type', object: 'public.customers.phone' },
        ...(fails === 0 ? { rows: 0, fails: false } : { rows: fails, fails: true }),
        records: changes,
      },
    ],
  });

const conversions: readonly ImpactCase[] = [
  // A value where there was none is no loss.
  converted('integer USING 0', 0, count('customers', "phone <> '0'")),
  converted('text USING NULL', 0, 'SELECT count(phone) FROM customers'),
  converted('text USING coalesce(phone, level)', 0, 0),
  converted("text USING replace(phone, '0', '')", 0, count('customers', "phone LIKE '%0%'")),
  one(
    'ALTER TABLE customers ALTER COLUMN phone TYPE varchar(10) USING left(phone, 10), DROP COLUMN born, ADD COLUMN extra int',
    {
      impacts: [
        {
          rule: 'alter-column-type',
          object: 'public.customers.phone',
          records: count('customers', 'length(phone) > 10'),
        },
        {
          rule: 'drop-column',
          object: 'public.customers.born',
          records: 'SELECT count(born) FROM customers',
        },
      ],
    },
  ),
  failing('ALTER TABLE customers ALTER COLUMN phone TYPE text USING (SELECT 1)'),
  one('ALTER TABLE customers ALTER COLUMN level TYPE text COLLATE "C"', { total: 0, fails: false }),
  failing('ALTER TYPE size ALTER ATTRIBUTE width TYPE integer CASCADE'),
  // The values have one field more, and have lost none.
  one(
    'ALTER TYPE size ADD ATTRIBUTE depth numeric CASCADE',
    { total: 0, fails: false },
    { really: 'unknown' },
  ),
];

/** Code that runs within harmless statements. */
const hidden = (sql: string) => one(sql, { opaque: true }, { really: 'unknown' });

const hiddenCode: readonly ImpactCase[] = [
  hidden('CREATE TABLE fresh AS SELECT forget_customer(60)::text AS x'),
  hidden('CREATE MATERIALIZED VIEW fresh AS SELECT forget_customer(59)::text AS x'),
  hidden('INSERT INTO audit (what) SELECT forget_customer(58)::text'),
  hidden('EXPLAIN ANALYZE SELECT forget_customer(57)'),
  hidden('DO $$ BEGIN PERFORM public.forget_customer(60); END $$'),
  hidden('DO $$ BEGIN DELETE FROM public.journal; END $$'),
];

export const trapCases: readonly ImpactCase[] = [
  ...[...takenForNew, ...transactions, ...expressions, ...conversions, ...hiddenCode],
];
