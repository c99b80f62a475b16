import { describe, expect, it } from 'vitest';
import { evaluatePolicy } from '../../../src/domain/impact/policy.js';
import { toSarif } from '../../../src/domain/impact/sarif.js';
import { sampleImpact, samplePlan } from '../../support/sample-impact.js';

const dropTable = sampleImpact({
  ...{ rule: 'drop-table', operation: 'DROP TABLE', object: 'public.sessions', safety: 'UNSAFE' },
  ...{ recordsAtRisk: 5678, rowsAffected: 5678, saferWay: 'ALTER TABLE sessions RENAME TO old;' },
});
const failing = sampleImpact({
  ...{ rule: 'set-not-null', operation: 'SET NOT NULL', object: 'public.users.email' },
  ...{ wouldFail: true, rowsAffected: 3, samples: ['id=1', 'id=2'] },
});
const rename = sampleImpact({ rule: 'rename-column' });
const harmless = sampleImpact({ rule: 'create-table' });

const run = (...[plan, options]: Parameters<typeof toSarif>) => {
  const [only] = toSarif(plan, options).runs;
  if (!only) throw new Error('no run');
  return only;
};

/** The parts of the schema of SARIF 2.1.0 that Belay's documents touch. */
function expectValid(log: ReturnType<typeof toSarif>): void {
  expect(log.version).toBe('2.1.0');
  expect(log.runs.length).toBeGreaterThan(0);
  for (const { tool, results, invocations } of log.runs) {
    expect(tool.driver.name).not.toBe('');
    const ids = tool.driver.rules.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const rule of tool.driver.rules) {
      expect(rule.shortDescription.text).not.toBe('');
      expect(['none', 'note', 'warning', 'error']).toContain(rule.defaultConfiguration.level);
      expect(rule).not.toHaveProperty('helpUri');
    }
    for (const { executionSuccessful } of invocations) expect(executionSuccessful).toBe(true);
    for (const { ruleId, ruleIndex, level, message, locations } of results) {
      expect(ids[ruleIndex]).toBe(ruleId);
      expect(['none', 'note', 'warning', 'error']).toContain(level);
      expect(message.text).not.toBe('');
      const { artifactLocation, region } = locations[0].physicalLocation;
      expect(() => new URL(artifactLocation.uri, 'file:///root/')).not.toThrow();
      expect(artifactLocation.uri).toMatch(/^[\w\-.~:/!'()*%]+$/);
      for (const value of Object.values(region)) {
        expect(Number.isInteger(value) && value >= 1, `${value}`).toBe(true);
      }
      expect(region.endLine).toBeGreaterThanOrEqual(region.startLine);
    }
  }
}

describe('toSarif', () => {
  it('has a result for each impact that is worth a word', () => {
    const log = toSarif(
      samplePlan([[dropTable], [failing, rename], [harmless]], {}, { notes: ['n'] }),
      {
        version: '1.2.3',
      },
    );
    expectValid(log);
    const [{ tool, results, invocations, columnKind }] = log.runs as [ReturnType<typeof run>];
    expect(tool.driver).toMatchObject({ name: 'Belay', version: '1.2.3' });
    expect(columnKind).toBe('unicodeCodePoints');
    expect(results.map(({ ruleId, level }) => [ruleId, level])).toEqual([
      ['drop-table', 'error'],
      ['set-not-null', 'error'],
      ['rename-column', 'note'],
    ]);
    expect(results[0]?.message.text).toBe(
      'DROP TABLE public.sessions: 5,678 records at risk: a reason\nSafer: ALTER TABLE sessions RENAME TO old;',
    );
    expect(results[1]?.message.text).toContain('For example: id=1, id=2');
    expect(tool.driver.rules[0]).toMatchObject({
      id: 'drop-table',
      properties: { tags: ['data'] },
    });
    expect(invocations[0].toolExecutionNotifications).toEqual([
      { level: 'note', message: { text: 'n' } },
    ]);
  });

  it('goes by the policy, and keeps what is waived as suppressed', () => {
    const plan = samplePlan([[dropTable], [failing], [rename]], {
      1: [{ rule: 'drop-table', reason: 'kept elsewhere', line: 9 }],
    });
    const policy = evaluatePolicy(plan, { refuse: ['rename-column'], warn: ['would-fail'] });
    const log = toSarif(plan, { policy });
    expectValid(log);
    expect(run(plan, { policy }).results).toMatchObject([
      {
        ...{ ruleId: 'drop-table', level: 'note' },
        suppressions: [{ kind: 'inSource', justification: 'kept elsewhere' }],
      },
      { ruleId: 'set-not-null', level: 'warning' },
      { ruleId: 'rename-column', level: 'error' },
    ]);
    expect(run(plan, { policy }).results[1]).not.toHaveProperty('suppressions');
  });

  it('says where a statement begins and ends', () => {
    const plan = samplePlan([[dropTable]]);
    const [statement] = plan.statements;
    const at = (facts: object) =>
      run({ ...plan, statements: [{ ...statement, ...facts } as NonNullable<typeof statement>] })
        .results[0]?.locations[0].physicalLocation.region;
    expect(at({ line: 7, column: 5, sql: 'DROP TABLE "é\u{1f600}"' })).toEqual({
      ...{ startLine: 7, startColumn: 5, endLine: 7, endColumn: 20 },
    });
    expect(at({ line: 7, column: 5, sql: 'DROP\n TABLE\na' })).toEqual({
      ...{ startLine: 7, startColumn: 5, endLine: 9, endColumn: 2 },
    });
  });

  it.each([
    ['db/my file#1.sql', 'db/my%20file%231.sql', true],
    ['<stdin>', 'stdin', false],
    ['/abs/a b.sql', 'file:///abs/a%20b.sql', false],
    ['C:\\x\\a.sql', 'file:///C:/x/a.sql', false],
    ['live:schema.sql', 'live%3Aschema.sql', true],
  ])('names the file %s', (file, uri, isRelative) => {
    const log = toSarif(samplePlan([[dropTable]], {}, { file }));
    expectValid(log);
    const location = log.runs[0]?.results[0]?.locations[0].physicalLocation.artifactLocation;
    expect(location).toEqual(isRelative ? { uri, uriBaseId: '%SRCROOT%' } : { uri });
  });
});
