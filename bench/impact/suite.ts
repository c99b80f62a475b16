import type { Bar } from '../bars.js';
import { type BenchServer, benchDatabase, runSql, urlOf } from '../server.js';
import type { SuiteContext } from '../suite.js';
import { align, time } from '../tables.js';
import { measureRecordBackup, type RecordBackupResult, recordBackupBars } from './backup.js';
import { measurePlan, type PlanResult, planBars } from './plan.js';
import { type DataRollbackResult, dataRollbackBars, measureDataRollback } from './rollback.js';

/** The bars are set for this size; a run at another size says so. */
export const impactBarRows = 5_000_000;

/** All that was measured on one server. */
export interface ImpactResult {
  /** e.g. "PostgreSQL 15.18". */
  readonly name: string;
  readonly plan: PlanResult;
  readonly backup: RecordBackupResult;
  readonly rollback: DataRollbackResult;
}

/** Planning, keeping and putting back, each on a database of its own. */
export async function measureImpacts(
  server: BenchServer,
  { options, signal, say }: SuiteContext,
): Promise<ImpactResult> {
  const { rows, runs } = options;
  const onDatabase = async <T>(measure: (url: string) => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    await runSql(server, `DROP DATABASE IF EXISTS ${benchDatabase} WITH (FORCE)`);
    await runSql(server, `CREATE DATABASE ${benchDatabase}`);
    return measure(urlOf(server));
  };
  return {
    name: `PostgreSQL ${server.installation.version}`,
    plan: await onDatabase((url) => measurePlan(url, { rows, runs, say })),
    backup: await onDatabase((url) => measureRecordBackup(url, { rows, runs, say })),
    rollback: await onDatabase((url) => measureDataRollback(url, { rows, runs, say })),
  };
}

/** What Belay promises about plans, record backups and data rollbacks. */
export function impactBars({ name, plan, backup, rollback }: ImpactResult): Bar[] {
  const { toCreateTableAs, fasterThanJsonb } = recordBackupBars(backup);
  const most = (bar: string, ratio: number, limit: number): Bar => ({
    bar: `${bar} at most ${limit} times`,
    ...{ where: name, measured: `${ratio.toFixed(2)} times`, met: ratio <= limit },
  });
  return [
    most(
      'plan of ten destructive statements: one SELECT of the columns,',
      planBars(plan).toSelect,
      1.3,
    ),
    most('backup of a dropped column: CREATE TABLE AS,', toCreateTableAs, 1.5),
    {
      bar: 'backup of a dropped column at least 4 times faster than one JSONB row a value',
      where: name,
      ...{ measured: `${fasterThanJsonb.toFixed(2)} times`, met: fasterThanJsonb >= 4 },
    },
    most('rollback of a dropped column: UPDATE … FROM,', dataRollbackBars(rollback).toUpdate, 2),
  ];
}

/** Everything about one server, as lines. */
export function renderImpacts({ name, plan, backup, rollback }: ImpactResult): string[] {
  const seconds = (value: number) => time(value * 1000);
  const rows = [
    ['what', 'median', 'how'],
    ['plan', seconds(plan.plan), 'ten statements that take rows and values away'],
    ['', seconds(plan.planWithConversions), 'ten, of which four convert every value'],
    ['', seconds(plan.select), 'SELECT count(c1), …, count(c10)'],
    ['backup', seconds(backup.backup), 'DROP COLUMN with its backup'],
    ['', seconds(backup.createTableAs), 'CREATE TABLE AS SELECT pk, col'],
    ['', seconds(backup.jsonbRows), 'one row with a JSONB value for each record'],
    ['rollback', seconds(rollback.rollback), 'the values of a dropped column put back'],
    ['', seconds(rollback.update), 'UPDATE … FROM'],
  ];
  const heading = `== impact, ${plan.rows} rows of ${plan.columns} columns: ${name} ==`;
  return ['', heading, ...align(rows).map((line) => `  ${line}`)];
}
