import type { DataRollback } from '../../../src/domain/data-rollback';
import type { RollbackPlan, RollbackStep } from '../../../src/domain/rollback';
import { plural } from '../format';
import { Notes, Sql } from './impact-report';
import { Section } from './page';
import { SafetyBadge } from './safety-badge';
import { SchemaDiff } from './schema-diff';
import { Notice } from './states';
import '../styles/reports.css';

/** Rows and values that would be lost, as far as they were counted. */
export function measuredLoss({ issues }: RollbackPlan): {
  readonly rows: number;
  readonly isComplete: boolean;
} {
  return {
    rows: issues.reduce((sum, { rowsLost }) => sum + (rowsLost ?? 0), 0),
    isComplete: issues.every(({ rowsLost }) => rowsLost !== null),
  };
}

function verdict(plan: RollbackPlan): string {
  const { rows, isComplete } = measuredLoss(plan);
  if (plan.overallSafety === 'SAFE') return 'Nothing is lost';
  if (rows === 0) return isComplete ? 'No row is lost now' : 'What is lost could not be counted';
  const text = `${isComplete ? '' : 'at least '}${plural(rows, 'row or value', 'rows or values')} would be lost`;
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const looks = { SAFE: 'ok', DATA_LOSS: 'warn', UNSAFE: 'danger' } as const;

/** The way back to an earlier version, and what it would lose. */
export function RollbackReport({ plan }: { readonly plan: RollbackPlan }) {
  const { from, to, overallSafety, steps, differences, proven, data, notes } = plan;
  return (
    <>
      <Notice look={looks[overallSafety]} title={verdict(plan)}>
        <p>
          <SafetyBadge safety={overallSafety} /> From version {from} back to {to}:{' '}
          {plural(plan.migrations.length, 'migration')} taken back.{' '}
          {proven
            ? `Tried on a copy of the schema: afterwards it is what was recorded at ${to}.`
            : 'It could not be proven on a copy.'}
        </p>
      </Notice>
      <Section title="Step by step">
        <div className="stack">
          <ol className="statements">
            {steps.map((step) => (
              <Step key={step.migrations.join(' ')} step={step} plan={plan} />
            ))}
          </ol>
        </div>
      </Section>
      {data && <DataPart data={data} verb="would be put back" />}
      {differences.length > 0 && (
        <Section title={`What would still differ from version ${to}`}>
          <div className="stack">
            <SchemaDiff
              changes={differences}
              before={`Recorded at ${to}`}
              after="After the rollback"
            />
          </div>
        </Section>
      )}
      <Notes notes={notes} />
    </>
  );
}

function Step({ step, plan }: { readonly step: RollbackStep; readonly plan: RollbackPlan }) {
  const named = new Set(step.migrations);
  const issues = plan.issues.filter(({ migration }) =>
    migration.split(', ').some((one) => named.has(one)),
  );
  return (
    <li className="statement">
      <h3>
        Take back {step.migrations.join(', ')} <SafetyBadge safety={step.safety} />
      </h3>
      <p className="field-hint">
        {step.source === 'down'
          ? `By its own script ${step.script?.file ?? ''}`
          : 'By SQL found between the recorded schemas'}
        , to version {step.to}.
      </p>
      {issues.length === 0 && <p>No rows are touched.</p>}
      <ul className="impacts">
        {issues.map(({ safety, description, recommendation, rowsLost }) => (
          <li key={description}>
            <p>
              <SafetyBadge safety={safety} /> {description}
            </p>
            {rowsLost !== null && rowsLost > 0 && (
              <p>
                <strong>{plural(rowsLost, 'row or value', 'rows or values')} lost.</strong>
              </p>
            )}
            <p className="field-hint">{recommendation}</p>
          </li>
        ))}
      </ul>
      {step.unresolved.map(({ object, name }) => (
        <p key={`${object} ${name}`}>
          <strong>Not brought back:</strong> {object} <code>{name}</code>
        </p>
      ))}
      <details>
        <summary>SQL of this step</summary>
        <Sql
          sql={step.statements.map(({ sql }) => `${sql.trim().replace(/;$/, '')};`).join('\n')}
          label={`SQL that takes back ${step.migrations.join(', ')}`}
        />
      </details>
    </li>
  );
}

const holders = { backup: 'what was kept', current: 'what is there now' } as const;

/** What comes back from record backups, and what does not. */
export function DataPart({ data, verb }: { readonly data: DataRollback; readonly verb: string }) {
  if (data.backups.length + data.violations.length + data.withoutBackup.length === 0) return null;
  return (
    <Section title="Rows from record backups">
      <div className="stack">
        <ul className="notes">
          {data.backups.map((one) => (
            <li key={one.backup}>
              <code>{one.column === null ? one.table : `${one.table}.${one.column}`}</code>:{' '}
              {one.column === null ? plural(one.rows, 'row') : plural(one.values, 'value')} {verb}
              {one.conflicts > 0 &&
                `; ${plural(one.conflicts, 'conflict')}, where ${holders[data.prefer]} holds`}
              {one.missing > 0 && `; ${plural(one.missing, 'row')} deleted since`}
              {one.blocked > 0 && `; ${plural(one.blocked, 'row')} kept out by a constraint`}
              {one.skipped && `; ${one.skipped}`}
            </li>
          ))}
          {data.violations.map(({ table, constraint, rows }) => (
            <li key={`${table} ${constraint}`}>
              {plural(rows, 'row')} of <code>{table}</code> written since break{' '}
              <code>{constraint}</code>
            </li>
          ))}
          {data.withoutBackup.map((version) => (
            <li key={version}>{version} has no record backup: its rows are not brought back</li>
          ))}
        </ul>
      </div>
    </Section>
  );
}
