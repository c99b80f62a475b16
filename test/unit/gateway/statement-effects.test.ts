import { describe, expect, it } from 'vitest';
import { effectsOf, noEffects } from '../../../src/gateway/statement-effects.js';

describe('what a statement leaves in its session', () => {
  it.each([
    'SELECT * FROM items WHERE name = $1',
    'INSERT INTO items (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 2',
    'update items set name = $1 where id = $2 returning *',
    'WITH x AS (SELECT 1) UPDATE items SET a = 1',
    'BEGIN',
    'COMMIT; BEGIN',
    'SELECT offset_set FROM t',
  ])('nothing: %s', (sql) => {
    expect(effectsOf(sql)).toBe(noEffects);
  });

  it.each([
    [`SET work_mem = '8MB'`, 'work_mem'],
    ['set session DateStyle to ISO, MDY;', 'datestyle'],
    [`SET TIME ZONE 'UTC'`, 'timezone'],
    [`SET NAMES 'latin1'`, 'client_encoding'],
    ['SET search_path TO app, public', 'search_path'],
    [`SET "app"."Tenant" = '7'`, 'app.tenant'],
    ['SET lock_timeout = -1', 'lock_timeout'],
    ['LISTEN news', 'listen:news'],
    ['LISTEN "News"', 'listen:"News"'],
  ])('something that can be said again: %s', (sql, key) => {
    expect(effectsOf(sql)).toMatchObject({ isUnclear: false, replay: { key, sql } });
  });

  it.each([
    ['RESET work_mem', 'work_mem'],
    ['RESET ALL', 'set:*'],
    ['UNLISTEN *', 'listen:*'],
    ['DISCARD ALL', '*'],
  ])('takes back: %s', (sql, forgets) => {
    expect(effectsOf(sql)).toMatchObject({ isUnclear: false, forgets });
  });

  it.each([
    'CREATE TEMP TABLE t (a int)',
    'SELECT * INTO TEMPORARY t FROM items',
    'SELECT pg_advisory_lock(1)',
    'DECLARE c CURSOR WITH HOLD FOR SELECT 1',
    'PREPARE q AS SELECT 1',
    'SET ROLE somebody',
    'SET SESSION AUTHORIZATION somebody',
    'SET work_mem = 1; DROP TABLE items',
    `SET x.y = 'a' -- ; SELECT pg_advisory_lock(1)`,
    `UPDATE items SET a = 1; SET work_mem = '1MB'`,
    `WITH x AS (SELECT set_config('a.b', '1', false)) SELECT 1`,
    `DO $$ BEGIN PERFORM set_config('a.b', '1', false); END $$`,
    'CALL work()',
  ])('something unclear: %s', (sql) => {
    expect(effectsOf(sql)).toMatchObject({ isUnclear: true, replay: undefined });
  });

  it('finds the names of the application’s own settings, which no catalog lists', () => {
    const sql = `SET a.b = 1; SET LOCAL "c.d" TO 2; SELECT set_config('E.f', $1, false), set_config('work_mem', '1', true)`;
    expect([...effectsOf(sql).customSettings].sort()).toEqual(['a.b', 'c.d', 'e.f']);
    expect(effectsOf(sql).hidesSetting).toBe(false);
    expect(effectsOf('SELECT set_config($1, $2, false)').hidesSetting).toBe(true);
  });
});
