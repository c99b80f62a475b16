import { type Count, failing, type ImpactCase, one } from '../../../support/impact-case.js';

const odd = '"Odd Names"."Käse ""Tabelle"""';
/** As plans print it: quoted only where it could be misread. */
const oddObject = 'Odd Names."Käse ""Tabelle"""';

const dropped = (table: string, column: string, from = table) => ({
  ...{ rule: 'drop-column', operation: 'DROP COLUMN', object: `${table}.${column}` },
  ...{ safety: 'DATA_LOSS' as const, rows: 0, lock: 'ACCESS EXCLUSIVE' as const, rewrite: false },
  values: `SELECT count(${column}) FROM ${from}`,
  records: `SELECT count(${column}) FROM ${from}`,
});

const droppedOdd = (printed: string, column: string) => ({
  ...dropped(odd, column),
  object: `${oddObject}.${printed}`,
});

const drops: readonly ImpactCase[] = [
  one('ALTER TABLE customers DROP COLUMN phone', {
    impacts: [dropped('public.customers', 'phone')],
    safety: 'DATA_LOSS',
  }),
  failing('ALTER TABLE customers DROP COLUMN email'),
  one('ALTER TABLE customers DROP COLUMN email CASCADE', {
    impacts: [
      dropped('public.customers', 'email'),
      { rule: 'drop-view', object: 'public.active_customers', records: 0 },
    ],
  }),
  one('ALTER TABLE customers DROP phone, DROP COLUMN IF EXISTS nothing_there, DROP raw', {
    impacts: [dropped('public.customers', 'phone'), dropped('public.customers', 'raw')],
  }),
  failing('ALTER TABLE customers DROP COLUMN nothing_there'),
  one('ALTER TABLE IF EXISTS nothing_there DROP COLUMN x', { fails: false, total: 0 }),
  one('ALTER TABLE orders DROP COLUMN comment', { impacts: [dropped('public.orders', 'comment')] }),
  failing('ALTER TABLE orders DROP COLUMN customer_id'),
  one('ALTER TABLE orders DROP COLUMN customer_id CASCADE', {
    impacts: [dropped('public.orders', 'customer_id')],
  }),
  failing('ALTER TABLE customers DROP COLUMN id'),
  one('ALTER TABLE categories DROP COLUMN id CASCADE', {
    impacts: [dropped('public.categories', 'id')],
  }),
  one('ALTER TABLE readings DROP COLUMN note', { impacts: [dropped('public.readings', 'note')] }),
  failing('ALTER TABLE readings DROP COLUMN taken_on'),
  failing('ALTER TABLE readings_2024 DROP COLUMN note'),
  failing('ALTER TABLE ONLY readings DROP COLUMN note'),
  one('ALTER TABLE stock DROP COLUMN place', { total: 'SELECT count(place) FROM stock' }),
  one('ALTER TABLE ONLY stock DROP COLUMN place', {
    impacts: [dropped('public.stock', 'place', 'ONLY public.stock')],
  }),
  failing('ALTER TABLE stock_abroad DROP COLUMN place'),
  one('ALTER TABLE stock_abroad DROP COLUMN country', {
    impacts: [dropped('public.stock_abroad', 'country')],
  }),
  // What is generated can be generated again.
  one('ALTER TABLE products DROP COLUMN label', { total: 0 }, { really: 'unknown' }),
  one('ALTER TABLE accounts DROP COLUMN attributes', {
    impacts: [dropped('public.accounts', 'attributes')],
  }),
  one(`ALTER TABLE ${odd} DROP COLUMN "Straße", DROP "select", DROP "a.b"`, {
    impacts: [
      droppedOdd('Straße', '"Straße"'),
      droppedOdd('select', '"select"'),
      droppedOdd('"a.b"', '"a.b"'),
    ],
  }),
  one('ALTER TABLE secrets DROP content', { impacts: [dropped('public.secrets', 'content')] }),
  // A role that may not read a table does not make its values disappear from the plan.
  one(
    'ALTER TABLE journal DROP COLUMN entry',
    {
      impacts: [
        { rule: 'drop-column', object: 'public.journal.entry', values: null, records: null },
      ],
    },
    { asRole: true, notTried: 'the role does not own it' },
  ),
  one(
    'ALTER TABLE secrets DROP COLUMN content',
    {
      impacts: [
        { rule: 'drop-column', object: 'public.secrets.content', values: null, records: null },
      ],
    },
    { asRole: true, notTried: 'the role does not own it' },
  ),
  one(
    'ALTER TABLE customers DROP COLUMN phone',
    { impacts: [dropped('public.customers', 'phone')] },
    { asRole: true, notTried: 'the role does not own it' },
  ),
];

interface Conversion {
  /** Rows on which it fails; 0: it does not. */
  readonly fails?: Count;
  /** Values that change in silence. */
  readonly changes?: Count;
  readonly rewrite?: boolean;
}

/** A change of type, with numbers. */
function converted(change: string, { fails = 0, changes = 0, rewrite }: Conversion): ImpactCase {
  const [, table, column] = /^ALTER TABLE (?:ONLY )?(\S+) ALTER COLUMN (\S+) /.exec(change) ?? [];
  const doesFail = fails !== 0;
  return one(change, {
    impacts: [
      {
        ...{ rule: 'alter-column-type', operation: 'ALTER COLUMN TYPE' },
        object: `${table?.includes('.') ? '' : 'public.'}${table}.${column}`.replaceAll('"', ''),
        ...{ rows: fails, fails: doesFail, lock: 'ACCESS EXCLUSIVE' },
        // Where it fails, nothing is lost.
        ...(doesFail ? { records: 0 } : { values: changes, records: changes }),
        ...(rewrite === undefined ? {} : { rewrite }),
      },
    ],
  });
}

const count = (table: string, where: string) => `SELECT count(*) FROM ${table} WHERE ${where}`;
const customers = (where: string) => count('customers', where);

const conversions: readonly ImpactCase[] = [
  converted('ALTER TABLE customers ALTER COLUMN phone TYPE varchar(10)', {
    fails: customers('length(phone) > 10'),
  }),
  converted('ALTER TABLE customers ALTER COLUMN phone TYPE varchar(10) USING phone::varchar(10)', {
    changes: customers('length(phone) > 10'),
    rewrite: true,
  }),
  converted('ALTER TABLE customers ALTER COLUMN phone TYPE varchar(60)', { rewrite: false }),
  converted('ALTER TABLE customers ALTER COLUMN phone TYPE text', { rewrite: false }),
  converted('ALTER TABLE customers ALTER COLUMN born TYPE timestamp', { rewrite: true }),
  converted('ALTER TABLE customers ALTER COLUMN joined TYPE date', {
    changes: customers("isfinite(joined) AND joined <> date_trunc('day', joined)"),
    rewrite: true,
  }),
  converted('ALTER TABLE customers ALTER COLUMN seen TYPE date', {
    changes: customers("isfinite(seen) AND seen::time <> '00:00'"),
  }),
  converted('ALTER TABLE customers ALTER COLUMN seen TYPE timestamptz', {}),
  converted('ALTER TABLE customers ALTER COLUMN seen TYPE timestamp(0)', {}),
  converted('ALTER TABLE customers ALTER COLUMN balance TYPE integer', {
    fails: customers("balance = 'NaN'"),
  }),
  converted(
    "ALTER TABLE customers ALTER COLUMN balance TYPE integer USING nullif(balance, 'NaN')::integer",
    { changes: customers("balance = 'NaN' OR balance <> trunc(balance)"), rewrite: true },
  ),
  converted('ALTER TABLE customers ALTER COLUMN balance TYPE numeric(5,2)', {
    fails: customers("balance <> 'NaN' AND abs(balance) >= 1000"),
  }),
  converted('ALTER TABLE customers ALTER COLUMN balance TYPE numeric(10,1)', {
    changes: customers("balance <> 'NaN' AND balance <> round(balance, 1)"),
    rewrite: true,
  }),
  converted('ALTER TABLE customers ALTER COLUMN balance TYPE numeric(14,2)', { rewrite: false }),
  converted('ALTER TABLE customers ALTER COLUMN balance TYPE numeric(14,4)', { rewrite: true }),
  converted('ALTER TABLE customers ALTER COLUMN balance TYPE numeric', { rewrite: false }),
  converted('ALTER TABLE customers ALTER COLUMN score TYPE real', {
    changes: customers("score NOT IN ('NaN', 'Infinity') AND score <> trunc(score)"),
  }),
  converted('ALTER TABLE customers ALTER COLUMN score TYPE bigint', {
    fails: customers("score IN ('NaN', 'Infinity')"),
  }),
  converted('ALTER TABLE customers ALTER COLUMN rating TYPE double precision', { rewrite: true }),
  converted('ALTER TABLE customers ALTER COLUMN visits TYPE integer', {
    fails: customers('visits > 2147483647'),
  }),
  converted(
    'ALTER TABLE customers ALTER COLUMN visits TYPE integer USING least(visits, 2147483647)',
    {
      changes: customers('visits > 2147483647'),
    },
  ),
  converted('ALTER TABLE customers ALTER COLUMN visits TYPE text', { rewrite: true }),
  // No assignment cast: it fails even where there is no row.
  failing('ALTER TABLE customers ALTER COLUMN level TYPE integer'),
  failing('ALTER TABLE drafts ALTER COLUMN title TYPE integer'),
  converted('ALTER TABLE drafts ALTER COLUMN title TYPE integer USING title::integer', {}),
  converted('ALTER TABLE customers ALTER COLUMN level TYPE integer USING level::integer', {
    fails: customers("level = 'n/a'"),
  }),
  converted(
    `ALTER TABLE customers ALTER COLUMN level TYPE integer USING CASE WHEN level ~ '^ *[0-9]+$' THEN level::integer END`,
    { changes: customers("level = 'n/a' OR level LIKE ' %'") },
  ),
  converted('ALTER TABLE customers ALTER COLUMN colour TYPE text', { rewrite: true }),
  converted('ALTER TABLE customers ALTER COLUMN tags TYPE varchar(3)[]', {}),
  converted('ALTER TABLE customers ALTER COLUMN tags TYPE text USING tags[1]', {
    changes: customers('tags IS NOT NULL'),
  }),
  converted('ALTER TABLE customers ALTER COLUMN profile TYPE json', {}),
  converted('ALTER TABLE customers ALTER COLUMN raw TYPE jsonb', {
    changes: customers('raw::text LIKE \'%"b"%\''),
  }),
  converted('ALTER TABLE payments ALTER COLUMN method TYPE colour USING method::colour', {
    fails: count('payments', "method NOT IN ('red', 'green', 'blue')"),
  }),
  converted('ALTER TABLE payments ALTER COLUMN amount TYPE amount', {
    fails: count('payments', 'amount < 0'),
  }),
  converted('ALTER TABLE addresses ALTER COLUMN country_code TYPE varchar(1)', {
    fails: count('addresses', 'country_code IS NOT NULL'),
  }),
  converted('ALTER TABLE addresses ALTER COLUMN country_code TYPE varchar(2)', {}),
  converted('ALTER TABLE bookings ALTER COLUMN during TYPE text', {}),
  converted('ALTER TABLE stock ALTER COLUMN amount TYPE smallint', {}),
  converted('ALTER TABLE stock ALTER COLUMN amount TYPE smallint USING amount / 100', {
    changes: count('stock', 'amount <> amount / 100'),
  }),
  converted('ALTER TABLE readings ALTER COLUMN value TYPE real', {
    changes: count('readings', "value <> 'NaN' AND value <> trunc(value)"),
  }),
  converted('ALTER TABLE order_lines ALTER COLUMN order_id TYPE bigint', { rewrite: true }),
  converted('ALTER TABLE orders ALTER COLUMN code TYPE varchar(4)', {
    fails: count('orders', 'length(code) > 4'),
  }),
  converted('ALTER TABLE orders ALTER COLUMN placed_at TYPE timestamptz(0)', {}),
  converted('ALTER TABLE "Orders" ALTER COLUMN "Total" TYPE bigint', {
    changes: 'SELECT count("Total") FROM "Orders"',
  }),
  converted('ALTER TABLE accounts ALTER COLUMN login TYPE text', {}),
  // A view, a matview or a generated column keeps the type as it is.
  failing('ALTER TABLE customers ALTER COLUMN country TYPE varchar(10)'),
  failing('ALTER TABLE orders ALTER COLUMN total TYPE numeric'),
  failing('ALTER TABLE products ALTER COLUMN name TYPE varchar(100)'),
  failing('ALTER TABLE readings ALTER COLUMN taken_on TYPE timestamp'),
  failing('ALTER TABLE customers ALTER COLUMN nothing_there TYPE text'),
];

export const columnCases: readonly ImpactCase[] = [...drops, ...conversions];
