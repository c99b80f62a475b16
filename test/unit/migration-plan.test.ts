import { describe, expect, it } from 'vitest';
import type {
  AppliedMigration,
  MigrationFile,
  MigrationScript,
} from '../../src/domain/migration.js';
import { migrationStatus, planDown, planUp } from '../../src/domain/migration-plan.js';
import { BelayError } from '../../src/errors.js';

const script = (file: string): MigrationScript => ({
  ...{ file, line: 1, sql: 'SELECT 1', inTransaction: true },
});

const file = (version: string, down = true): MigrationFile => ({
  ...{ version, name: 'n', up: script(`${version}/up.sql`), checksum: `sum-${version}` },
  down: down ? script(`${version}/down.sql`) : null,
});

const applied = (version: string, facts: Partial<AppliedMigration> = {}): AppliedMigration => ({
  ...{ version, name: 'n', appliedAt: null, checksum: `sum-${version}`, up: null, down: null },
  ...facts,
});

const files = ['0001', '0002', '0003', '0010'].map((version) => file(version));
const situation = (...versions: string[]) => ({
  files,
  applied: versions.map((version) => applied(version)),
});
const versions = (all: readonly { version: string }[]) => all.map(({ version }) => version);

function refusal(work: () => unknown): BelayError {
  try {
    work();
  } catch (error) {
    if (error instanceof BelayError) return error;
    throw error;
  }
  throw new Error('it was planned');
}

describe('planUp', () => {
  it.each([
    [undefined, ['0002', '0003', '0010']],
    ['0003', ['0002', '0003']],
    ['3', ['0002', '0003']],
    ['0010_n', ['0002', '0003', '0010']],
  ])('to %s: %j', (to, expected) => {
    expect(versions(planUp(situation('0001'), { to }))).toEqual(expected);
  });

  it('has nothing to do where all is applied', () => {
    expect(planUp(situation('0001', '0002', '0003', '0010'), {})).toEqual([]);
  });

  it.each([
    ['4', 'VERSION_NOT_FOUND'],
    ['nonsense', 'VERSION_NOT_FOUND'],
    ['0002', 'VERSION_IS_CURRENT'],
    ['1', 'VERSION_IS_CURRENT'],
    ['0', 'VERSION_IS_CURRENT'],
  ])('to %s from 0002: %s', (to, code) => {
    expect(refusal(() => planUp(situation('0001', '0002'), { to }))).toMatchObject({ code });
  });

  it('refuses what comes before an applied one, unless told', () => {
    const state = situation('0001', '0003');
    const error = refusal(() => planUp(state, {}));
    expect(error).toMatchObject({ code: 'OUT_OF_ORDER', details: { versions: ['0002'] } });
    expect(versions(planUp(state, { allowOutOfOrder: true }))).toEqual(['0002', '0010']);
  });

  it('refuses applied versions without a file, unless told', () => {
    const state = { files, applied: [applied('0001'), applied('0005')] };
    const error = refusal(() => planUp(state, {}));
    expect(error).toMatchObject({ code: 'HISTORY_AHEAD', details: { versions: ['0005'] } });
    expect(versions(planUp(state, { allowMissing: true, allowOutOfOrder: true }))).toHaveLength(3);
  });

  it('refuses a file that was changed since, whatever it is told', () => {
    const state = { files, applied: [applied('0001', { checksum: 'another' })] };
    const all = { allowMissing: true, allowOutOfOrder: true };
    expect(refusal(() => planUp(state, all))).toMatchObject({
      ...{ code: 'MIGRATION_CHANGED', message: expect.stringContaining('0001/up.sql') },
    });
    const unknown = { files, applied: [applied('0001', { checksum: null })] };
    expect(versions(planUp(unknown, {}))).toEqual(['0002', '0003', '0010']);
  });
});

describe('planDown', () => {
  it.each([
    [undefined, ['0003']],
    ['0002', ['0003']],
    ['1', ['0003', '0002']],
    ['0', ['0003', '0002', '0001']],
  ])('to %s: %j', (to, expected) => {
    expect(versions(planDown(situation('0001', '0002', '0003'), to))).toEqual(expected);
  });

  it('goes by the order of application', () => {
    expect(versions(planDown(situation('0001', '0003', '0002'), '0001'))).toEqual(['0002', '0003']);
  });

  it.each([
    ['0003', 'VERSION_IS_CURRENT'],
    ['0010', 'VERSION_IS_CURRENT'],
    ['7', 'VERSION_NOT_FOUND'],
  ])('to %s from 0003: %s', (to, code) => {
    expect(refusal(() => planDown(situation('0001', '0003'), to))).toMatchObject({ code });
  });

  it('has nothing to take back before the first', () => {
    expect(refusal(() => planDown(situation(), undefined))).toMatchObject({
      code: 'VERSION_IS_CURRENT',
    });
  });

  it('takes the file’s way down, and the recorded one where there is none', () => {
    const recorded = script('recorded');
    const state = {
      files: [file('1'), file('2', false)],
      applied: ['1', '2', '3'].map((version) => applied(version, { down: recorded })),
    };
    const steps = planDown(state, '0');
    expect(steps.map((step) => [step.version, step.script.file, step.fromHistory])).toEqual([
      ['3', 'recorded', true],
      ['2', 'recorded', true],
      ['1', '1/down.sql', false],
    ]);
  });

  it('refuses as a whole where one of them has no way down', () => {
    const state = { files: [file('1', false), file('2')], applied: [applied('1'), applied('2')] };
    const error = refusal(() => planDown(state, '0'));
    expect(error).toMatchObject({ code: 'NO_WAY_DOWN', details: { version: '1' } });
  });
});

describe('migrationStatus', () => {
  it('says what was changed, what has no file, and what is pending', () => {
    const {
      applied: found,
      pending,
      current,
    } = migrationStatus({
      files,
      applied: [applied('0001', { checksum: 'another' }), applied('0005')],
    });
    expect(found.map((one) => [one.version, one.changed, one.missingFile])).toEqual([
      ['0001', true, false],
      ['0005', false, true],
    ]);
    expect(versions(pending)).toEqual(['0002', '0003', '0010']);
    expect(current).toBe('0005');
  });
});
