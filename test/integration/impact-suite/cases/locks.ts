import type { LockMode } from '../../../../src/domain/impact.js';
import { failing, type ImpactCase, one } from '../../../support/impact-case.js';

/** Nothing is lost; the lock and what is done to every row matter. */
const locked = (
  sql: string,
  rule: string,
  object: string,
  lock: LockMode | null,
  rewrite: boolean,
  more: Omit<ImpactCase, 'name' | 'statements'> = {},
): ImpactCase =>
  one(
    sql,
    {
      impacts: [{ rule, object, lock, rewrite, records: 0 }],
      total: 0,
      transactional: more.inTransaction !== false,
    },
    more,
  );

const alone = { inTransaction: false };

const customers = 'public.customers';

export const lockCases: readonly ImpactCase[] = [
  locked(
    'CREATE INDEX new_index ON customers (name)',
    'create-index-blocking',
    customers,
    'SHARE',
    false,
  ),
  locked(
    'CREATE INDEX CONCURRENTLY new_index ON customers (name)',
    'create-index-concurrently',
    customers,
    'SHARE UPDATE EXCLUSIVE',
    false,
    alone,
  ),
  locked('REINDEX TABLE customers', 'reindex', customers, 'SHARE', false),
  locked(
    'REINDEX TABLE CONCURRENTLY customers',
    'reindex-concurrently',
    customers,
    'SHARE UPDATE EXCLUSIVE',
    false,
    alone,
  ),
  locked('VACUUM FULL customers', 'vacuum-full', customers, 'ACCESS EXCLUSIVE', true, alone),
  locked('VACUUM customers', 'vacuum', customers, 'SHARE UPDATE EXCLUSIVE', false, alone),
  locked('CLUSTER customers USING customers_pkey', 'cluster', customers, 'ACCESS EXCLUSIVE', true),
  locked('LOCK TABLE customers IN EXCLUSIVE MODE', 'lock-table', customers, 'EXCLUSIVE', false),
  locked('LOCK TABLE customers', 'lock-table', customers, 'ACCESS EXCLUSIVE', false),
  locked(
    'ALTER TABLE customers ADD COLUMN extra text',
    'add-column',
    `${customers}.extra`,
    'ACCESS EXCLUSIVE',
    false,
  ),
  locked(
    'ALTER TABLE customers ADD COLUMN extra int DEFAULT 5',
    'add-column',
    `${customers}.extra`,
    'ACCESS EXCLUSIVE',
    false,
  ),
  locked(
    'ALTER TABLE customers ADD COLUMN extra timestamptz DEFAULT now()',
    'add-column',
    `${customers}.extra`,
    'ACCESS EXCLUSIVE',
    false,
  ),
  locked(
    'ALTER TABLE customers ADD COLUMN extra timestamptz DEFAULT clock_timestamp()',
    'add-column-rewrite',
    `${customers}.extra`,
    'ACCESS EXCLUSIVE',
    true,
  ),
  locked(
    'ALTER TABLE customers ADD COLUMN extra uuid DEFAULT gen_random_uuid()',
    'add-column-rewrite',
    `${customers}.extra`,
    'ACCESS EXCLUSIVE',
    true,
  ),
  locked(
    'ALTER TABLE customers ADD COLUMN extra text DEFAULT next_code()',
    'add-column-rewrite',
    `${customers}.extra`,
    'ACCESS EXCLUSIVE',
    true,
  ),
  locked(
    'ALTER TABLE customers ADD COLUMN extra serial',
    'add-column-identity',
    `${customers}.extra`,
    'ACCESS EXCLUSIVE',
    true,
  ),
  locked(
    'ALTER TABLE products ADD COLUMN extra int GENERATED ALWAYS AS IDENTITY',
    'add-column-identity',
    'public.products.extra',
    'ACCESS EXCLUSIVE',
    true,
  ),
  locked(
    'ALTER TABLE products ADD COLUMN extra text GENERATED ALWAYS AS (upper(name)) STORED',
    'add-column-generated',
    'public.products.extra',
    'ACCESS EXCLUSIVE',
    true,
  ),
  locked('ALTER TABLE cache SET LOGGED', 'set-logged', 'public.cache', 'ACCESS EXCLUSIVE', true),
  one(
    'ALTER TABLE journal SET UNLOGGED',
    {
      // Nothing is lost at once, but by the next crash.
      impacts: [
        {
          rule: 'set-unlogged',
          object: 'public.journal',
          lock: 'ACCESS EXCLUSIVE',
          rewrite: true,
          safety: 'DATA_LOSS',
          fails: false,
        },
      ],
    },
    { really: 'unknown' },
  ),
  failing('ALTER TABLE orders SET UNLOGGED'),
  locked(
    'REFRESH MATERIALIZED VIEW customer_totals',
    'refresh-materialized-view',
    'public.customer_totals',
    'ACCESS EXCLUSIVE',
    true,
  ),
  locked(
    'REFRESH MATERIALIZED VIEW CONCURRENTLY customer_totals',
    'refresh-materialized-view',
    'public.customer_totals',
    'EXCLUSIVE',
    false,
  ),
  locked(
    'ALTER TABLE customers ALTER COLUMN name SET STATISTICS 500',
    'column-setting',
    `${customers}.name`,
    'SHARE UPDATE EXCLUSIVE',
    false,
  ),
  locked(
    'ALTER TABLE customers SET (fillfactor = 70)',
    'table-setting',
    customers,
    'SHARE UPDATE EXCLUSIVE',
    false,
  ),
  locked(
    'ALTER TABLE customers ALTER COLUMN joined DROP DEFAULT',
    'drop-default',
    `${customers}.joined`,
    'ACCESS EXCLUSIVE',
    false,
  ),
  locked(
    "ALTER TABLE customers ALTER COLUMN level SET DEFAULT 'x'",
    'set-default',
    `${customers}.level`,
    'ACCESS EXCLUSIVE',
    false,
  ),
  locked(
    'ALTER TABLE customers ALTER COLUMN name DROP NOT NULL',
    'drop-not-null',
    `${customers}.name`,
    'ACCESS EXCLUSIVE',
    false,
  ),
  locked(
    'ALTER TABLE products ALTER COLUMN label DROP EXPRESSION',
    'drop-expression',
    'public.products.label',
    'ACCESS EXCLUSIVE',
    false,
  ),
  locked(
    'ALTER TABLE journal REPLICA IDENTITY FULL',
    'replica-identity',
    'public.journal',
    'ACCESS EXCLUSIVE',
    false,
  ),
  locked(
    'ALTER TABLE orders DROP CONSTRAINT orders_comment_check',
    'drop-constraint',
    'public.orders',
    'ACCESS EXCLUSIVE',
    false,
  ),
  locked('ANALYZE customers', 'read-only', customers, 'SHARE UPDATE EXCLUSIVE', false),
  locked(
    'ALTER TABLE payments ADD FOREIGN KEY (id) REFERENCES customers NOT VALID',
    'add-foreign-key',
    'public.payments',
    'SHARE ROW EXCLUSIVE',
    false,
  ),
];
