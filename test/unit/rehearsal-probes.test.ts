import { describe, expect, it } from 'vitest';
import type { ProbeRun } from '../../src/domain/rehearsal.js';
import {
  parameterCount,
  probeParameters,
  probeVerdict,
  sortColumnsOf,
} from '../../src/domain/rehearsal-probes.js';
import { splitStatements } from '../../src/postgres/parse-sql.js';

const run = (more: Partial<ProbeRun> = {}): ProbeRun => ({
  ...{ rows: 3, columns: ['a'], hash: 'h', durationMs: 10, error: null },
  ...more,
});
const failed = run({ rows: null, columns: null, hash: null, error: '42P01: gone' });

describe('probes', () => {
  it.each([
    [run(), run(), 'same'],
    [run(), failed, 'broken'],
    [failed, run(), 'mended'],
    [failed, failed, 'failing'],
    [run(), run({ hash: 'other' }), 'changed'],
    [run(), run({ rows: 4 }), 'changed'],
    [run(), run({ columns: ['b'] }), 'changed'],
    [run({ hash: null }), run({ hash: null }), 'same'],
    [run({ hash: null, rows: null }), run({ hash: null, rows: 9 }), 'same'],
    [run(), run({ durationMs: 60 }), 'same'],
    [run(), run({ durationMs: 61 }), 'slower'],
    [run({ durationMs: 1000 }), run({ durationMs: 1900 }), 'same'],
    [run(), run({ durationMs: 61, hash: 'other' }), 'changed'],
  ])('%j, %j: %s', (before, after, verdict) => {
    expect(probeVerdict(before, after)).toBe(verdict);
  });

  it.each([
    ['-- params: [1, "a", null]\n', ['1', 'a', null]],
    ['-- params: [1]\n-- of somebody\n  --PARAMS:[2, true]  \n', ['2', 'true']],
    ['-- params: [[1, null, "a\\"b"], {"k": [1]}]', ['{"1",NULL,"a\\"b"}', '{"k":[1]}']],
    ['-- params: []', []],
    ['-- parameters: [1]', undefined],
    ['', undefined],
  ])('reads values: %j', (text, values) => {
    expect(probeParameters(text)).toEqual(values);
  });

  it('refuses values that are no list', () => {
    expect(() => probeParameters('-- params: 1')).toThrow(SyntaxError);
    expect(() => probeParameters('-- params: [1')).toThrow(SyntaxError);
  });

  const only = async (sql: string) => {
    const [statement] = await splitStatements(sql);
    if (!statement) throw new Error('there is no statement');
    return statement;
  };

  it.each([
    ['SELECT a FROM t ORDER BY a DESC, 2', ['a', 2]],
    ['SELECT a FROM t ORDER BY t.a', undefined],
    ['SELECT a FROM t ORDER BY a, lower(b)', undefined],
    ['SELECT a FROM t', null],
    ['SELECT * FROM (SELECT 1 ORDER BY 1) q', null],
    ['SELECT 1 UNION SELECT 2 ORDER BY 1', [1]],
    ['DELETE FROM t', null],
  ])('knows what %s is ordered by', async (sql, sorted) => {
    const { kind, tree } = await only(sql);
    expect(sortColumnsOf(kind, tree)).toEqual(sorted);
  });

  it.each([
    ['SELECT $2, $1 FROM (SELECT $5::int) q', 5],
    [`SELECT '$3', "$4"`, 0],
    ['INSERT INTO t VALUES ($1) RETURNING $2::int', 2],
  ])('counts the parameters of %s', async (sql, count) => {
    expect(parameterCount((await only(sql)).tree)).toBe(count);
  });
});
