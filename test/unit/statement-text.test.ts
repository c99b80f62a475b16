import { describe, expect, it } from 'vitest';
import { statementText } from '../../src/domain/statement-text.js';

describe('statements in reports', () => {
  it.each([
    [`ALTER ROLE a PASSWORD 'it''s; secret'`, `ALTER ROLE a PASSWORD '***'`],
    [
      `CREATE USER a WITH ENCRYPTED PASSWORD E'secret' LOGIN`,
      `CREATE USER a WITH ENCRYPTED PASSWORD '***' LOGIN`,
    ],
    ['ALTER ROLE a PASSWORD $x$secret$x$ NOLOGIN', `ALTER ROLE a PASSWORD '***' NOLOGIN`],
    [`ALTER ROLE a PASSWORD 'secret that is cut`, `ALTER ROLE a PASSWORD '***'`],
    [
      `CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'u', password 'secret')`,
      `CREATE USER MAPPING FOR a SERVER s OPTIONS (user 'u', password '***')`,
    ],
    [
      `CREATE SUBSCRIPTION s CONNECTION 'host=h password=secret user=u'`,
      `CREATE SUBSCRIPTION s CONNECTION 'host=h password=*** user=u'`,
    ],
    [
      `CREATE SUBSCRIPTION s CONNECTION 'postgresql://u:secret@h/d'`,
      `CREATE SUBSCRIPTION s CONNECTION 'postgresql://u:***@h/d'`,
    ],
    ['SELECT 1\n  + 2\t;', 'SELECT 1\n  + 2\t;'],
    ['SELECT \u001b[31m', 'SELECT \ufffd[31m'],
  ])('%j', (sql, shown) => {
    expect(statementText(sql)).toBe(shown);
    expect(statementText(sql)).not.toContain('secret');
  });

  it('cuts long ones, and no letter in two', () => {
    expect([...statementText('🎉'.repeat(600))]).toHaveLength(500);
    expect(statementText('🎉'.repeat(600)).endsWith('🎉…')).toBe(true);
    expect(statementText('🎉'.repeat(500))).toBe('🎉'.repeat(500));
    expect(statementText('x'.repeat(500))).toBe('x'.repeat(500));
    expect(statementText('x'.repeat(501))).toHaveLength(500);
  });
});
