import { describe, expect, it } from 'vitest';
import { validateConfig } from '../../../src/config/config-schema.js';
import { evaluatePolicy } from '../../../src/domain/impact/policy.js';
import { sampleImpact, samplePlan } from '../../support/sample-impact.js';

const dropTable = sampleImpact({
  ...{ rule: 'drop-table', operation: 'DROP TABLE', object: 'public.sessions', safety: 'UNSAFE' },
  ...{ recordsAtRisk: 5678, rowsAffected: 5678, reason: 'the table goes with all its rows' },
});

const failing = sampleImpact({
  ...{ rule: 'set-not-null', operation: 'SET NOT NULL', object: 'public.users.email' },
  ...{ wouldFail: true, rowsAffected: 3, hazard: 'long', scan: true, tableRows: 500 },
});

const unreadable = sampleImpact({
  ...{ rule: 'delete', operation: 'DELETE', object: 'public.secrets', safety: 'DATA_LOSS' },
  ...{ recordsAtRisk: null, rowsAffected: null, measured: 'unknown' },
});

const rename = sampleImpact({ rule: 'rename-column', hazard: 'brief' });

const names = (plan: Parameters<typeof evaluatePolicy>[0], policy = {}) =>
  evaluatePolicy(plan, policy).violations.map(({ level, because }) => `${level} ${because}`);

describe('evaluatePolicy', () => {
  it('refuses by default what is lost, what fails and what is not known, and warns of the rest', () => {
    const plan = samplePlan([[dropTable], [failing, rename], [unreadable]]);
    const { ok, violations } = evaluatePolicy(plan);
    expect(ok).toBe(false);
    expect(violations.map(({ level, because, statement }) => [level, because, statement])).toEqual([
      ['refuse', 'data-loss', 1],
      ['refuse', 'would-fail', 2],
      ['refuse', 'unknown', 3],
      ['warn', 'compatibility', 2],
    ]);
    expect(violations[0]).toMatchObject({
      ...{ file: 'up.sql', line: 10, rule: 'drop-table' },
      message:
        'DROP TABLE public.sessions: 5,678 records at risk: the table goes with all its rows',
    });
    expect(violations[1]?.message).toMatch(
      /^SET NOT NULL public\.users\.email would fail on 3 rows/,
    );
    expect(violations[2]?.message).toContain('is not known');
  });

  it('lets pass what loses nothing', () => {
    const harmless = sampleImpact({ rule: 'create-table', operation: 'CREATE TABLE' });
    expect(evaluatePolicy(samplePlan([[harmless]]))).toEqual({
      ...{ ok: true, violations: [], waived: [], notes: [] },
    });
    expect(evaluatePolicy(samplePlan([[{ ...dropTable, recordsAtRisk: 0 }]])).ok).toBe(true);
  });

  it('goes by names of rules and of groups', () => {
    const plan = samplePlan([[dropTable], [failing], [rename]]);
    expect(names(plan, { refuse: ['rename-column'], warn: ['unsafe'] })).toEqual([
      'refuse rename-column',
      'warn unsafe',
    ]);
    expect(names(plan, { warn: ['drop-table', 'data-loss'] })).toEqual(['warn drop-table']);
    expect(names(plan, {})).toEqual([]);
  });

  it('lets so many records go as the policy says, in all', () => {
    const plan = samplePlan([[dropTable], [{ ...dropTable, recordsAtRisk: 2 }]]);
    expect(names(plan, { maxRecordsAtRisk: 5680 })).toEqual([]);
    expect(names(plan, { maxRecordsAtRisk: 5679 })).toEqual([
      'refuse data-loss',
      'refuse data-loss',
    ]);
    expect(names(plan, { warn: ['data-loss'], maxRecordsAtRisk: 1 })).toEqual([
      'warn data-loss',
      'warn data-loss',
    ]);
  });

  it('leaves out locks of small tables, and of no others', () => {
    const policy = { refuse: ['lock'], ignoreTablesBelowRows: 501 };
    expect(names(samplePlan([[failing]]), policy)).toEqual([]);
    expect(names(samplePlan([[failing]]), { ...policy, ignoreTablesBelowRows: 500 })).toHaveLength(
      1,
    );
    // Never analysed: nobody knows that it is small.
    expect(names(samplePlan([[{ ...failing, tableRows: -1 }]]), policy)).toHaveLength(1);
    expect(names(samplePlan([[{ ...failing, tableRows: null }]]), policy)).toHaveLength(1);
  });

  it('does not count what is waived, and says so', () => {
    const plan = samplePlan([[dropTable], [dropTable]], {
      1: [{ rule: 'drop-table', reason: 'in the warehouse', line: 9 }],
    });
    const { violations, waived } = evaluatePolicy(plan, { maxRecordsAtRisk: 5678 });
    expect(violations).toEqual([]);
    expect(waived).toMatchObject([
      { statement: 1, rule: 'drop-table', reason: 'in the warehouse' },
    ]);
  });

  it('takes a waiver of a group for what the group means, whatever the limits', () => {
    const waivers = [{ rule: 'lock', reason: 'at night', line: 9 }];
    const plan = samplePlan([[failing]], { 1: waivers });
    expect(evaluatePolicy(plan, { refuse: ['set-not-null'] }).waived).toHaveLength(1);
    const other = samplePlan([[dropTable]], { 1: waivers });
    const result = evaluatePolicy(other, { refuse: ['drop-table'] });
    expect(result.waived).toEqual([]);
    expect(result.notes).toEqual(['up.sql, line 9: belay:allow lock allows nothing']);
  });

  it('notes a waiver for a file once, and only where no statement needs it', () => {
    const waiver = { rule: 'drop-table', reason: 'r', line: 1, forFile: true };
    const idle = { rule: 'drop-schema', reason: 'r', line: 2, forFile: true };
    const plan = samplePlan([[failing], [dropTable]], { 1: [waiver, idle], 2: [waiver, idle] });
    expect(evaluatePolicy(plan).notes).toEqual([
      'up.sql, line 2: belay:allow-file drop-schema allows nothing',
    ]);
  });
});

describe('the policy of the config', () => {
  it('takes rules and groups', () => {
    const policy = { refuse: ['data-loss', 'drop-table'], maxRecordsAtRisk: 0 };
    const migrations = { policy, backup: 'database' };
    expect(validateConfig({ migrations })).toMatchObject({ migrations });
  });

  it.each([
    [{ refuse: ['dropping-table'] }, 'migrations.policy.refuse.0', /rule or a group.*drop-table/],
    [{ maxRecordsAtRisk: -1 }, 'migrations.policy.maxRecordsAtRisk', /expected 0 or more/],
    [{ deny: [] }, 'migrations.policy', /known keys, found "deny"/],
  ])('refuses %j', (policy, key, expected) => {
    expect(validateConfig({ migrations: { policy } })).toEqual([
      { key, expected: expect.stringMatching(expected) },
    ]);
  });
});
