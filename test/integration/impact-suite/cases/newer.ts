import { type ImpactCase, one, script } from '../../../support/impact-case.js';

const from = (minMajor: number) => ({ minMajor });

const withoutEmail = 'SELECT count(*) FROM customers WHERE email IS NULL';

/** Statements that PostgreSQL 15 does not have yet. */
export const newerCases: readonly ImpactCase[] = [
  one(
    'ALTER TABLE customers ADD CONSTRAINT has_email NOT NULL email',
    {
      impacts: [
        {
          rule: 'add-not-null',
          object: 'public.customers.email',
          rows: withoutEmail,
          fails: true,
          records: 0,
        },
      ],
    },
    from(18),
  ),
  one(
    'ALTER TABLE customers ADD CONSTRAINT has_email NOT NULL email NOT VALID',
    {
      impacts: [
        {
          rule: 'add-not-null',
          object: 'public.customers.email',
          rows: 0,
          fails: false,
          scan: false,
          records: 0,
        },
      ],
    },
    from(18),
  ),
  script(
    'a NOT NULL constraint is validated after it was added',
    [
      {
        sql: 'ALTER TABLE customers ADD CONSTRAINT has_email NOT NULL email NOT VALID',
        fails: false,
        total: 0,
      },
      { sql: 'ALTER TABLE customers VALIDATE CONSTRAINT has_email', fails: true, total: 0 },
    ],
    from(18),
  ),
  one(
    'ALTER TABLE customers ADD CONSTRAINT new_check CHECK (balance >= 10) NOT ENFORCED',
    {
      fails: false,
      total: 0,
      impacts: [{ rule: 'add-check', object: 'public.customers', rows: 0, scan: false }],
    },
    from(18),
  ),
  one(
    'ALTER TABLE payments ADD CONSTRAINT new_fk FOREIGN KEY (order_id) REFERENCES orders NOT ENFORCED',
    {
      fails: false,
      total: 0,
      impacts: [{ rule: 'add-foreign-key', object: 'public.payments', rows: 0 }],
    },
    from(18),
  ),
  one(
    'ALTER TABLE products ADD COLUMN extra text GENERATED ALWAYS AS (upper(name)) VIRTUAL',
    {
      total: 0,
      impacts: [
        {
          rule: 'add-column',
          object: 'public.products.extra',
          rewrite: false,
          lock: 'ACCESS EXCLUSIVE',
        },
      ],
    },
    from(18),
  ),
  one(
    "ALTER TABLE products ALTER COLUMN label SET EXPRESSION AS (name || '!')",
    {
      total: 0,
      impacts: [
        {
          rule: 'set-expression',
          object: 'public.products.label',
          rewrite: true,
          lock: 'ACCESS EXCLUSIVE',
        },
      ],
    },
    from(17),
  ),
  one(
    `MERGE INTO accounts a USING generate_series(1, 20) AS n ON a.id = n
       WHEN NOT MATCHED BY SOURCE AND a.login IS NOT NULL THEN DELETE
       WHEN NOT MATCHED BY SOURCE THEN UPDATE SET login = 'nobody'`,
    { total: 'SELECT count(*) FROM accounts WHERE id > 20 AND login IS NOT NULL' },
    from(17),
  ),
  one(
    `WITH changed AS (MERGE INTO bookings b USING (VALUES (2), (4)) AS v (room) ON b.room = v.room
       WHEN MATCHED THEN DELETE RETURNING b.id) SELECT count(*) FROM changed`,
    { total: 'SELECT count(*) FROM bookings WHERE room IN (2, 4)' },
    from(17),
  ),
];
