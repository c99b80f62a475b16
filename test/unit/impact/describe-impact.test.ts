import { describe, expect, it } from 'vitest';
import { describeImpact, describeLosses } from '../../../src/cli/output/describe-impact.js';
import { describeMentions } from '../../../src/cli/output/describe-mentions.js';
import { plainStyle } from '../../../src/cli/output/style.js';
import { evaluatePolicy } from '../../../src/domain/impact/policy.js';
import { sampleImpact, samplePlan } from '../../support/sample-impact.js';

const dropColumn = sampleImpact({
  ...{ rule: 'drop-column', operation: 'DROP COLUMN', object: 'public.users.email' },
  ...{ safety: 'DATA_LOSS', valuesAtRisk: 1234, recordsAtRisk: 1234 },
});
const dropTable = sampleImpact({
  ...{ rule: 'drop-table', operation: 'DROP TABLE', object: 'public.sessions', safety: 'UNSAFE' },
  ...{ recordsAtRisk: 5678, rowsAffected: 5678, hazard: 'brief', lock: 'ACCESS EXCLUSIVE' },
});
const failing = sampleImpact({
  ...{ rule: 'set-not-null', operation: 'SET NOT NULL', object: 'public.users.email' },
  ...{ wouldFail: true, rowsAffected: 3, samples: ['id=1', 'id=2'], hazard: 'long' },
  ...{
    reason: 'rows without a value break it',
    saferWay: 'UPDATE users SET email = …;\nALTER TABLE users …;',
  },
});
const harmless = sampleImpact({
  rule: 'create-table',
  operation: 'CREATE TABLE',
  object: 'public.a',
});

const describePlan = (
  impacts: Parameters<typeof samplePlan>[0],
  options: Partial<Parameters<typeof describeImpact>[2]> = {},
) => describeImpact(plainStyle, samplePlan(impacts), { title: 'm', ...options });

describe('describeLosses', () => {
  it('lines up what is lost, with the total', () => {
    const plan = samplePlan([[dropColumn], [dropTable], [harmless]]);
    expect(describeLosses(plainStyle, plan, { title: '20261120_drop_legacy_auth' })).toBe(
      `  Migration impact: 20261120_drop_legacy_auth
    DROP COLUMN  users.email  1,234 values at risk
    DROP TABLE   sessions     5,678 rows affected
    Total: 6,912 records at risk`,
    );
  });

  it.each([
    [{ rowsAffected: 10, valuesAtRisk: 4, recordsAtRisk: 4 }, '10 rows affected, 4 values at risk'],
    [{ rowsAffected: 0, valuesAtRisk: 1, recordsAtRisk: 1 }, '1 value at risk'],
    [{ recordsAtRisk: null, valuesAtRisk: null, measured: 'unknown' }, 'not known how much'],
    [{ valuesAtRisk: 5, recordsAtRisk: 5, measured: 'estimate' }, 'about 5 values at risk'],
    [{ valuesAtRisk: 0, recordsAtRisk: 0 }, '0 values at risk'],
    [{ because: 'public.mood' }, '1,234 values at risk (goes with mood)'],
    [{ after: [1, 3] }, '1,234 values at risk (as it is now: statements 1, 3 may change that)'],
  ] as const)('says %j in words', (facts, words) => {
    const plan = samplePlan([[{ ...dropColumn, ...facts }]]);
    const lines = describeLosses(plainStyle, plan, { title: 'm' }).split('\n');
    expect(lines[1]).toBe(`    DROP COLUMN  users.email  ${words}`);
  });

  it('says of a total that it is not the whole', () => {
    const total = (facts: object) =>
      describeLosses(plainStyle, samplePlan([[dropTable], [{ ...dropColumn, ...facts }]]), {
        title: 'm',
      })
        .split('\n')
        .at(-1)
        ?.trim();
    expect(total({ recordsAtRisk: null })).toBe('Total: at least 5,678 records at risk');
    expect(total({ measured: 'estimate' })).toBe('Total: about 6,912 records at risk');
  });

  it('has no line wider than a narrow terminal', () => {
    const plan = samplePlan([[dropColumn], [dropTable]]);
    const text = describeLosses(plainStyle, plan, { title: 'm', columns: 40 });
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(40);
    expect(text).toContain('    DROP COLUMN  users.email\n      1,234 values at risk');
  });

  it('shows no escape sequences of names', () => {
    const object = 'public.\u001b[31mred';
    expect(describePlan([[{ ...dropTable, object }]])).not.toContain('\u001b');
  });
});

describe('describeImpact', () => {
  it('shows what would fail with rows, reason and the safer way', () => {
    const text = describePlan([[failing]]);
    expect(text).toContain(`  Would fail
    SET NOT NULL  users.email  on 3 rows  (up.sql, line 10)
      rows without a value break it
      id=1, id=2
      safer:
        UPDATE users SET email = …;
        ALTER TABLE users …;`);
    expect(text).toContain('Total: nothing is lost');
    expect(text).not.toContain('Others wait');
  });

  it('shows locks that others feel', () => {
    const lock = { lock: 'SHARE', hazard: 'long', scan: true } as const;
    const text = describePlan([
      [sampleImpact({ ...lock, operation: 'CREATE INDEX' })],
      [dropTable],
    ]);
    expect(text).toContain(
      'Others wait\n    CREATE INDEX  t  SHARE, reads every row  (up.sql, line 10)',
    );
    expect(text).toContain(
      'DROP TABLE  sessions  ACCESS EXCLUSIVE for a moment  (up.sql, line 20)',
    );
  });

  it('says once of short locks what to do about them, and more on request', () => {
    const brief = {
      lock: 'ACCESS EXCLUSIVE',
      hazard: 'brief',
      saferWay: 'SET lock_timeout',
    } as const;
    const plan = [[sampleImpact(brief)], [sampleImpact(brief)]];
    const text = describePlan(plan);
    expect(text).toContain(
      'Locked for a moment\n    ALTER TABLE  t  ACCESS EXCLUSIVE for a moment',
    );
    expect(text.match(/another attempt/g)).toHaveLength(1);
    expect(text).not.toContain('safer:');
    expect(describePlan(plan, { verbose: true })).toContain('safer:');
  });

  it('says of an impact once what there is to say', () => {
    const both = sampleImpact({ safety: 'UNSAFE', hazard: 'long', lock: 'SHARE', reason: 'why' });
    const text = describePlan([[both]]);
    expect(text.match(/why/g)).toHaveLength(1);
    expect(text).toContain('Risky\n    ALTER TABLE  t  SHARE  (up.sql, line 10)');
  });

  it('gives reasons for losses on request', () => {
    const lossy = { ...dropColumn, reason: 'counted as it is now' };
    expect(describePlan([[lossy]])).not.toContain('counted as it is now');
    expect(describePlan([[lossy]], { verbose: true })).toContain('counted as it is now');
  });

  it('is quiet about harmless statements, and lists them on request', () => {
    const many = [[dropTable], [harmless], [harmless]];
    expect(describePlan(many)).toMatch(/^ {2}2 other statements lose nothing and hold nobody up$/m);
    expect(describePlan(many)).not.toContain('CREATE TABLE');
    expect(describePlan(many, { verbose: true })).toContain('CREATE TABLE  a  (up.sql, line 20)');
    expect(describePlan([[harmless]])).toMatch(
      /^ {2}1 statement loses nothing and holds nobody up$/m,
    );
  });

  it('never counts what is not known among the harmless', () => {
    const facts = { safety: 'UNSAFE', measured: 'unknown', recordsAtRisk: null } as const;
    const opaque = sampleImpact({ ...facts, rule: 'opaque-code', operation: 'DO', object: '' });
    const text = describePlan([[opaque], [harmless]]);
    expect(text).toContain('Not known\n    DO ');
    expect(text).toContain('1 other statement loses nothing');
  });

  it('shows what is unsafe without a loss', () => {
    const disabled = sampleImpact({
      safety: 'UNSAFE',
      operation: 'DISABLE TRIGGER',
      reason: 'nothing checks',
    });
    expect(describePlan([[disabled]])).toMatch(
      /Risky\n {4}DISABLE TRIGGER {2}t .*\n {6}nothing checks/,
    );
  });

  it('shows what a policy says', () => {
    const plan = samplePlan([[dropColumn], [dropTable]], {
      1: [{ rule: 'drop-column', reason: 'moved to profiles', line: 1 }],
    });
    const policy = evaluatePolicy(plan, { refuse: ['data-loss'] });
    const text = describeImpact(plainStyle, plan, { title: 'm', policy });
    expect(text).toContain('refused  data-loss: DROP TABLE sessions  (up.sql, line 20)');
    expect(text).toContain('waived   drop-column: DROP COLUMN users.email: moved to profiles');
  });

  it('breaks long reasons at words', () => {
    const reason = 'word '.repeat(60).trim();
    const text = describePlan([[{ ...failing, reason }]], { columns: 60 });
    const lines = text.split('\n').filter((line) => line.includes('word'));
    expect(lines.length).toBeGreaterThan(4);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
  });
});

describe('describeMentions', () => {
  const name = { schema: 'public', table: 'users', column: 'email' };
  const place = { file: 'a.ts', line: 3, text: 'x'.repeat(300), what: 'SQL', name } as const;

  it('shows sure places, some of the others, and what it is worth', () => {
    const low = Array.from({ length: 12 }, (_, i) => ({
      ...place,
      line: 10 + i,
      confidence: 'low' as const,
    }));
    const mentions = [{ ...place, confidence: 'high' as const }, ...low];
    const search = { mentions, filesSearched: 7, notes: ['code is searched by names'] };
    const lines = describeMentions(plainStyle, search, 60).split('\n');
    expect(lines[0]).toBe('  The code still names (7 files searched)');
    expect(lines[1]).toBe('    a.ts:3  users.email  (SQL)');
    expect(lines).toContain('    … and 2 places more');
    expect(lines.at(-1)).toBe('  note: code is searched by names');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
  });

  it('says that nothing was found', () => {
    const text = describeMentions(plainStyle, { mentions: [], filesSearched: 1, notes: [] });
    expect(text).toBe('  The code names nothing of what goes away (1 file searched)');
  });
});
