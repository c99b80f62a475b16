import { failing, type ImpactCase, one } from '../../../support/impact-case.js';

const rowsOf = (table: string) => `SELECT count(*) FROM ${table}`;
const valuesOf = (table: string, column: string) => `SELECT count(${column}) FROM ${table}`;

/** A table that goes with its rows. */
const table = (object: string, from = object, because?: string) => ({
  ...{ rule: 'drop-table', operation: 'DROP TABLE', object, safety: 'UNSAFE' as const },
  ...{ rows: rowsOf(from), values: 0, records: rowsOf(from), lock: 'ACCESS EXCLUSIVE' as const },
  ...(because === undefined ? {} : { because }),
});

/** A column that goes because something else does. */
const column = (of: string, name: string, because?: string) => ({
  ...{ rule: 'drop-column', operation: 'DROP COLUMN', object: `${of}.${name}` },
  ...{ safety: 'DATA_LOSS' as const, rows: 0, values: valuesOf(of, name) },
  ...{ records: valuesOf(of, name), ...(because === undefined ? {} : { because }) },
});

const gone = (rule: string, object: string) => ({ rule, object, records: 0 });

const odd = '"Odd Names"."Käse ""Tabelle"""';
/** As plans print it: quoted only where it could be misread. */
const oddObject = 'Odd Names."Käse ""Tabelle"""';

const tables: readonly ImpactCase[] = [
  one('DROP TABLE drafts', { impacts: [table('public.drafts')] }),
  one('DROP TABLE journal', { impacts: [table('public.journal')], safety: 'UNSAFE' }),
  one('DROP TABLE public.journal, cache, drafts', {
    impacts: [table('public.journal'), table('public.cache'), table('public.drafts')],
  }),
  one('DROP TABLE "Orders"', { impacts: [table('public.Orders', '"Orders"')] }),
  one(`DROP TABLE ${odd}`, { impacts: [table(oddObject, odd)] }),
  one('DROP TABLE IF EXISTS nothing_there', { fails: false, total: 0, safety: 'SAFE' }),
  failing('DROP TABLE nothing_there'),
  failing('DROP TABLE nowhere.journal'),
  failing('DROP VIEW journal'),
  failing('DROP TABLE customers'),
  one('DROP TABLE customers CASCADE', {
    impacts: [
      table('public.customers'),
      gone('drop-view', 'public.active_customers'),
      gone('drop-view', 'public.active_emails'),
      gone('drop-materialized-view', 'public.customer_totals'),
    ],
  }),
  failing('DROP TABLE orders'),
  one('DROP TABLE orders CASCADE', { impacts: [table('public.orders')] }),
  one('DROP TABLE order_lines, line_notes', {
    impacts: [table('public.order_lines'), table('public.line_notes')],
  }),
  failing('DROP TABLE teams'),
  one('DROP TABLE teams, players', { impacts: [table('public.teams'), table('public.players')] }),
  one('DROP TABLE readings', { impacts: [table('public.readings')] }),
  one('DROP TABLE readings_2024', { impacts: [table('public.readings_2024')] }),
  one('DROP TABLE visits_de', { impacts: [table('public.visits_de')] }),
  one('DROP TABLE buckets', { impacts: [table('public.buckets')] }),
  failing('DROP TABLE stock'),
  one('DROP TABLE stock CASCADE', { total: rowsOf('stock'), safety: 'UNSAFE' }),
  one('DROP TABLE stock_abroad', { impacts: [table('public.stock_abroad')] }),
  one('DROP TABLE categories', { impacts: [table('public.categories')] }),
];

const schemas: readonly ImpactCase[] = [
  failing('DROP SCHEMA app'),
  one('DROP SCHEMA app CASCADE', {
    impacts: [
      table('app.settings'),
      table('app.feelings'),
      column('public.moods_elsewhere', 'mood'),
    ],
  }),
  one('DROP SCHEMA archive CASCADE', {
    impacts: [table('archive.customers'), table('archive.sessions')],
  }),
  one('DROP SCHEMA "Odd Names" CASCADE', { impacts: [table(oddObject, odd)] }),
  one('DROP SCHEMA IF EXISTS nothing_there CASCADE', { fails: false, total: 0 }),
  one('DROP OWNED BY "{role}"', {
    impacts: [table('role_area.own_table'), table('role_area.own_second')],
  }),
];

const views: readonly ImpactCase[] = [
  one('DROP VIEW active_emails', {
    impacts: [{ ...gone('drop-view', 'public.active_emails'), safety: 'SAFE' }],
  }),
  failing('DROP VIEW active_customers'),
  one('DROP VIEW active_customers CASCADE', {
    impacts: [
      gone('drop-view', 'public.active_customers'),
      gone('drop-view', 'public.active_emails'),
    ],
  }),
  one('DROP MATERIALIZED VIEW customer_totals', {
    impacts: [{ ...gone('drop-materialized-view', 'public.customer_totals'), safety: 'SAFE' }],
  }),
];

const types: readonly ImpactCase[] = [
  failing('DROP TYPE order_status'),
  one('DROP TYPE order_status CASCADE', {
    impacts: [column('public.orders', 'status', 'order_status')],
    safety: 'DATA_LOSS',
  }),
  one('DROP TYPE colour CASCADE', {
    impacts: [
      column('public.customers', 'colour', 'colour'),
      column('public.products', 'colours', 'colour'),
      gone('drop-view', 'public.product_sizes'),
    ],
  }),
  one('DROP TYPE size CASCADE', {
    impacts: [
      // A row of a composite type is IS NOT NULL only if all of its fields are; count() counts the row itself.
      column('public.products', 'size', 'size'),
      gone('drop-view', 'public.product_sizes'),
    ],
  }),
  one('DROP TYPE price_range CASCADE', { impacts: [column('public.products', 'band')] }),
  one('DROP TYPE app.mood CASCADE', {
    impacts: [column('app.feelings', 'mood'), column('public.moods_elsewhere', 'mood')],
  }),
  failing('DROP DOMAIN amount'),
  one('DROP DOMAIN amount CASCADE', {
    impacts: [
      column('public.orders', 'total', 'amount'),
      gone('drop-materialized-view', 'public.customer_totals'),
    ],
  }),
  failing('DROP DOMAIN short_text RESTRICT'),
  one('DROP DOMAIN short_text CASCADE', { impacts: [column('public.products', 'title')] }),
  failing('DROP EXTENSION citext'),
  one('DROP EXTENSION citext CASCADE', {
    impacts: [column('public.accounts', 'login'), column('public.accounts', 'other')],
  }),
  one('DROP EXTENSION hstore CASCADE', { impacts: [column('public.accounts', 'attributes')] }),
  failing('DROP EXTENSION pg_trgm'),
  one('DROP EXTENSION pg_trgm CASCADE', { total: 0 }),
];

const others: readonly ImpactCase[] = [
  one('DROP SEQUENCE unused_numbers', {
    impacts: [{ ...gone('drop-sequence', 'public.unused_numbers'), safety: 'DATA_LOSS' }],
  }),
  failing('DROP SEQUENCE orders_id_seq'),
  one('DROP SEQUENCE orders_id_seq CASCADE', {
    impacts: [gone('drop-sequence', 'public.orders_id_seq')],
  }),
  failing('DROP SEQUENCE customers_id_seq CASCADE'),
  failing('DROP FUNCTION next_code()'),
  one('DROP FUNCTION next_code() CASCADE', { total: 0 }),
  failing('DROP FUNCTION normal'),
  one('DROP FUNCTION normal(text) CASCADE', { total: 0 }),
  one('DROP FUNCTION is_fine(numeric) CASCADE', { total: 0 }),
  one('DROP FUNCTION remember() CASCADE', { total: 0 }),
  failing('DROP FUNCTION remember(int)'),
  one('DROP PROCEDURE tidy(text)', { total: 0 }),
  one('DROP INDEX orders_customer_id_idx', {
    impacts: [
      {
        ...gone('drop-index', 'public.orders_customer_id_idx'),
        ...{ safety: 'SAFE', lock: 'ACCESS EXCLUSIVE' },
      },
    ],
    transactional: true,
  }),
  one(
    'DROP INDEX CONCURRENTLY orders_customer_id_idx',
    { total: 0, transactional: false },
    { inTransaction: false },
  ),
  failing('DROP INDEX customers_pkey'),
  one('DROP TRIGGER products_remember ON products', {
    impacts: [{ rule: 'drop-trigger', object: 'products_remember on public.products', records: 0 }],
  }),
  one('DROP POLICY secrets_own ON secrets', {
    impacts: [{ rule: 'drop-policy', object: 'secrets_own on public.secrets', records: 0 }],
  }),
  one('DROP RULE drafts_protect ON drafts', {
    impacts: [{ rule: 'drop-rule', object: 'drafts_protect on public.drafts', records: 0 }],
  }),
  failing('DROP RULE nothing_there ON drafts'),
  one('DROP STATISTICS orders_statistics', { total: 0 }),
  failing('ALTER TABLE customers DROP CONSTRAINT customers_pkey'),
  one('ALTER TABLE customers DROP CONSTRAINT customers_pkey CASCADE', { total: 0 }),
];

export const dropCases: readonly ImpactCase[] = [
  ...tables,
  ...schemas,
  ...views,
  ...types,
  ...others,
];
