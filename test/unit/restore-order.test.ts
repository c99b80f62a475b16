import { describe, expect, it } from 'vitest';
import type { DataViolation } from '../../src/domain/data-rollback.js';
import { orderStatements } from '../../src/postgres/records/restore-order.js';

const statements = (...list: string[]) =>
  list.map((sql) => ({ sql, transactional: true, breaksBefore: false }));

const oneLine = (sql: string) => sql.replace(/\s+/g, ' ').trim();

async function order(list: string[], left: DataViolation[] = []) {
  const found = await orderStatements(statements(...list), left);
  if (!found) return null;
  const all = found.statements.map(({ sql }) => oneLine(sql));
  return { early: all.slice(0, found.dataAt), late: all.slice(found.dataAt) };
}

const violation = (kind: DataViolation['kind'], constraint: string): DataViolation => ({
  ...{ migration: '2', table: 'public.t', kind, constraint, rows: 1 },
});

describe('the order of statements around records that are put back', () => {
  it('splits what a column asks of rows from the column', async () => {
    expect(
      await order([
        `ALTER TABLE t ADD "C c" text NOT NULL CONSTRAINT k CHECK ("C c" <> '') UNIQUE, ADD d int DEFAULT 1 NOT NULL`,
        'ALTER TABLE t RENAME x TO y',
      ]),
    ).toEqual({
      early: [
        'ALTER TABLE t ADD COLUMN "C c" text, ADD COLUMN d int DEFAULT 1 NOT NULL',
        'ALTER TABLE t RENAME x TO y',
      ],
      late: [
        `ALTER TABLE t ALTER COLUMN "C c" SET NOT NULL, ADD CONSTRAINT k CHECK ("C c" <> ''), ADD UNIQUE ("C c")`,
      ],
    });
  });

  it('keeps the text of what it does not split, and the order of what depends on it', async () => {
    expect(
      await order([
        'CREATE VIEW before AS SELECT 1',
        'ALTER TABLE t   ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES o',
        `COMMENT ON CONSTRAINT f ON t IS 'late'`,
        'CREATE TABLE n (id int PRIMARY KEY)',
        'CREATE UNIQUE INDEX i ON t (a)',
        'CREATE MATERIALIZED VIEW m AS SELECT * FROM t',
      ]),
    ).toEqual({
      early: ['CREATE VIEW before AS SELECT 1', 'CREATE TABLE n (id int PRIMARY KEY)'],
      late: [
        'ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES o',
        `COMMENT ON CONSTRAINT f ON t IS 'late'`,
        'CREATE UNIQUE INDEX i ON t (a)',
        'CREATE MATERIALIZED VIEW m AS SELECT * FROM t',
      ],
    });
  });

  it('moves nothing where nothing asks for it, or where it cannot be in a transaction', async () => {
    expect(
      await order(['ALTER TABLE t ADD c text', 'CREATE INDEX CONCURRENTLY i ON t (c)']),
    ).toBeNull();
    expect(await order(['ALTER TABLE t ADD id serial NOT NULL'])).toBeNull();
  });

  it('leaves out or unvalidated what rows break, and only that', async () => {
    expect(
      await order(
        [
          'ALTER TABLE t ADD c text NOT NULL, ADD CONSTRAINT k CHECK (a > 0), ADD CONSTRAINT l CHECK (b > 0)',
          'CREATE UNIQUE INDEX i ON t (a)',
        ],
        [violation('not null', 'c'), violation('check', 'k'), violation('unique', 'i')],
      ),
    ).toEqual({
      early: ['ALTER TABLE t ADD COLUMN c text'],
      late: [
        'ALTER TABLE t ADD CONSTRAINT k CHECK (a > 0) NOT VALID, ADD CONSTRAINT l CHECK (b > 0)',
      ],
    });
  });
});
