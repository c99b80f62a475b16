import { describe, expect, it } from 'vitest';
import { isTransactional, TransactionScope } from '../../../src/domain/impact/transactional.js';
import { splitStatements } from '../../../src/postgres/parse-sql.js';

async function transactional(sql: string): Promise<boolean | undefined> {
  const [statement] = await splitStatements(sql);
  return statement && isTransactional(statement);
}

describe('whether a statement can run in a transaction', () => {
  it.each([
    'CREATE INDEX CONCURRENTLY ON t (a)',
    'DROP INDEX CONCURRENTLY i',
    'REINDEX TABLE CONCURRENTLY t',
    'REINDEX (CONCURRENTLY) INDEX i',
    'REINDEX SCHEMA public',
    'ALTER TABLE t DETACH PARTITION p CONCURRENTLY',
    'VACUUM t',
    'VACUUM (FULL) t',
    'CLUSTER',
    'CREATE DATABASE d',
    'DROP DATABASE d',
    "CREATE TABLESPACE s LOCATION '/s'",
    'ALTER SYSTEM SET work_mem = 1',
    'ALTER DATABASE d SET TABLESPACE s',
  ])('%s: no', async (sql) => {
    expect(await transactional(sql)).toBe(false);
  });

  it.each([
    'CREATE INDEX ON t (a)',
    'DROP INDEX i',
    'REINDEX TABLE t',
    'ALTER TABLE t DETACH PARTITION p',
    'ANALYZE t',
    'CLUSTER t USING i',
    'ALTER DATABASE d SET work_mem = 1',
    "SELECT 'CONCURRENTLY'",
  ])('%s: yes', async (sql) => {
    expect(await transactional(sql)).toBe(true);
  });
});

describe('what of a script is one transaction', () => {
  async function scopes(isOne: boolean, sql: string) {
    const scope = new TransactionScope(isOne);
    return (await splitStatements(sql)).map((statement, at) => scope.next(statement, at + 1));
  }

  it('is all of it where the script is', async () => {
    expect(await scopes(true, 'SELECT 1; SAVEPOINT a; SELECT 2')).toEqual([1, 1, 1]);
  });

  it('is what stands between BEGIN and COMMIT otherwise', async () => {
    const sql = 'SELECT 1; BEGIN; SELECT 2; COMMIT; SELECT 3';
    expect(await scopes(false, sql)).toEqual([null, 2, 2, null, null]);
  });
});
