import { facet, type SchemaFacet } from './facet.js';

export const tables: readonly SchemaFacet[] = [
  facet('CREATE UNLOGGED TABLE app.x ()', 'DROP TABLE app.x', 'added table app.x'),
  facet(
    'CREATE TABLE app.x (a int) PARTITION BY HASH (a)',
    'DROP TABLE app.x',
    'added table app.x',
  ),
  facet('CREATE TABLE app.x OF app.pair', 'DROP TABLE app.x', 'added table app.x'),
  facet(
    'ALTER TABLE app.pairs OF app.pair',
    'ALTER TABLE app.pairs NOT OF',
    'changed table app.pairs',
  ),
  facet(
    'ALTER TABLE app.child INHERIT app.parent',
    'ALTER TABLE app.child NO INHERIT app.parent',
    'changed table app.child',
  ),
  facet(
    'ALTER TABLE app.child SET UNLOGGED',
    'ALTER TABLE app.child SET LOGGED',
    'changed table app.child',
  ),
  facet(
    'ALTER TABLE app.lists DETACH PARTITION app.lists_a',
    `ALTER TABLE app.lists ATTACH PARTITION app.lists_a FOR VALUES IN ('a')`,
    'changed table app.lists_a',
  ),
  facet(
    `ALTER TABLE app.lists DETACH PARTITION app.lists_a; ALTER TABLE app.lists ATTACH PARTITION app.lists_a FOR VALUES IN ('a', 'b')`,
    `ALTER TABLE app.lists DETACH PARTITION app.lists_a; ALTER TABLE app.lists ATTACH PARTITION app.lists_a FOR VALUES IN ('a')`,
    'changed table app.lists_a',
  ),
  facet(
    'ALTER TABLE app.child RENAME TO nights',
    'ALTER TABLE app.nights RENAME TO child',
    'removed table app.child',
    'added table app.nights',
  ),
  facet(
    'ALTER TABLE app.child SET SCHEMA public',
    'ALTER TABLE public.child SET SCHEMA app',
    'removed table app.child',
    'added table public.child',
  ),
];

export const columns: readonly SchemaFacet[] = [
  facet(
    'ALTER TABLE app.child ALTER b TYPE text COLLATE "C"',
    'ALTER TABLE app.child ALTER b TYPE text COLLATE "default"',
    'changed column app.child.b',
  ),
  facet(
    'ALTER TABLE app.stays ALTER guest SET COMPRESSION pglz',
    'ALTER TABLE app.stays ALTER guest SET COMPRESSION default',
    'changed column app.stays.guest',
  ),
  facet(
    'ALTER TABLE app.stays ALTER guest SET STORAGE EXTERNAL',
    'ALTER TABLE app.stays ALTER guest SET STORAGE EXTENDED',
    'changed column app.stays.guest',
  ),
  facet(
    'ALTER TABLE app.stays ALTER n SET NOT NULL, ALTER n ADD GENERATED ALWAYS AS IDENTITY',
    'ALTER TABLE app.stays ALTER n DROP IDENTITY, ALTER n DROP NOT NULL',
    'changed column app.stays.n',
    'added sequence app.stays_n_seq',
  ),
  facet(
    'ALTER TABLE app.stays ADD twice int GENERATED ALWAYS AS (n * 2) STORED',
    'ALTER TABLE app.stays DROP twice',
    'added column app.stays.twice',
  ),
  facet(
    'ALTER VIEW app.guests ALTER n SET DEFAULT 4',
    'ALTER VIEW app.guests ALTER n DROP DEFAULT',
    'changed column app.guests.n',
  ),
  facet(
    `COMMENT ON COLUMN app.guests.n IS 'how many'`,
    'COMMENT ON COLUMN app.guests.n IS NULL',
    'changed column app.guests.n',
  ),
  facet(
    'ALTER TYPE app.pair ALTER ATTRIBUTE b TYPE varchar(9)',
    'ALTER TYPE app.pair ALTER ATTRIBUTE b TYPE text',
    'changed column app.pair.b',
  ),
  facet(
    `COMMENT ON COLUMN app.pair.a IS 'left'`,
    'COMMENT ON COLUMN app.pair.a IS NULL',
    'changed column app.pair.a',
  ),
];
