import { useState } from 'react';
import type { RollbackPlan } from '../../../src/domain/rollback';
import type { VersionNode } from '../../../src/domain/version-graph';
import type { Rollback } from '../answers';
import { formatDuration, plural } from '../format';
import { useDatabase } from '../queries';
import { useCan } from '../session';
import { useForgetDatabase } from '../use-job';
import { useWork, type Work } from '../use-work';
import { Button, ButtonLink } from './button';
import { Confirm } from './dialog';
import { Choice } from './form';
import { JobProgress } from './job-progress';
import { Section } from './page';
import { DataPart, measuredLoss, RollbackReport } from './rollback-report';
import { SchemaDiff } from './schema-diff';
import { ErrorState, Notice } from './states';

/** The way back to a version: first its plan with what is lost, then the rollback itself. */
export function RollbackPart(props: {
  readonly database: string;
  readonly version: string;
  readonly current: VersionNode | undefined;
  /** The current version was reached by way of it. */
  readonly isBehind: boolean;
}) {
  const { database, version, current, isBehind } = props;
  const mayRestore = useCan('restore');
  const plan = useWork('plan');
  const rollback = useWork('rollback');
  const [data, setData] = useState(false);
  if (rollback.jobId) return <Running database={database} jobId={rollback.jobId} />;
  if (!isBehind || !mayRestore) return null;
  const begin = () => void plan.begin('/api/rollbacks/plan', { database, version, data });
  return (
    <Section title={`Roll back to version ${version}`}>
      <div className="stack">
        <p>
          The database is at version {current?.id}. A plan shows each step back with what it would
          lose, measured on the live database; nothing is changed by it.
        </p>
        <Choice
          type="checkbox"
          label="Put back rows that record backups keep"
          hint="Where the migrations were applied with record backups."
          isChecked={data}
          onChange={setData}
        />
        <p>
          <Button onClick={begin} isBusy={plan.isStarting}>
            Plan the rollback
          </Button>
        </p>
        {plan.error && <ErrorState error={plan.error} title="The plan was not begun" />}
        {plan.jobId && (
          <JobProgress key={plan.jobId} id={plan.jobId}>
            {(job) => (
              <>
                <RollbackReport plan={job.result as RollbackPlan} />
                <RollBack
                  database={database}
                  plan={job.result as RollbackPlan}
                  data={job.input.data === true}
                  rollback={rollback}
                />
              </>
            )}
          </JobProgress>
        )}
      </div>
    </Section>
  );
}

function RollBack(props: {
  readonly database: string;
  readonly plan: RollbackPlan;
  readonly data: boolean;
  readonly rollback: Work;
}) {
  const { database, plan, data, rollback } = props;
  const [isAsking, setAsking] = useState(false);
  const isProduction = useDatabase(database)?.environment === 'production';
  const { rows, isComplete } = measuredLoss(plan);
  const begin = (confirm: string | undefined) =>
    rollback.begin('/api/rollbacks', {
      ...{ database, version: plan.to },
      ...(plan.requiresApproval ? { force: true } : {}),
      ...(data ? { data } : {}),
      ...(confirm === undefined ? {} : { confirm }),
    });
  return (
    <>
      <p>
        <Button
          look={plan.overallSafety === 'SAFE' ? 'primary' : 'danger'}
          onClick={() => setAsking(true)}
        >
          Roll back to {plan.to}
        </Button>
      </p>
      {isAsking && (
        <Confirm
          title={`Roll back ${database} to version ${plan.to}?`}
          action={`Roll back to ${plan.to}`}
          look={plan.overallSafety === 'SAFE' ? 'primary' : 'danger'}
          typedName={isProduction ? database : undefined}
          isBusy={rollback.isStarting}
          error={rollback.error}
          onConfirm={(typed) => void begin(typed)}
          onClose={() => setAsking(false)}
        >
          <p>
            {plural(plan.migrations.length, 'migration')} taken back: {plan.migrations.join(', ')}.
          </p>
          <p>
            {plan.overallSafety === 'SAFE'
              ? 'Nothing is lost.'
              : `${isComplete ? '' : 'At least '}${plural(rows, 'row or value', 'rows or values')} ${rows === 1 ? 'is' : 'are'} lost. A snapshot is taken before, so it can be undone.`}
          </p>
        </Confirm>
      )}
    </>
  );
}

function Running({ database, jobId }: { readonly database: string; readonly jobId: string }) {
  const forget = useForgetDatabase();
  return (
    <Section title="Rollback">
      <div className="stack">
        <JobProgress id={jobId} onOver={() => forget(database)}>
          {(job) => <RollbackResult database={database} rollback={job.result as Rollback} />}
        </JobProgress>
      </div>
    </Section>
  );
}

/** What a rollback has done, and the way to take it back. */
export function RollbackResult(props: { readonly database: string; readonly rollback: Rollback }) {
  const { database, rollback } = props;
  const { to, rolledBack, snapshot, differences, verified, data, durationMs } = rollback;
  return (
    <>
      <Notice look={verified ? 'ok' : 'warn'} title={`${database} is at version ${to}`}>
        <p>
          {plural(rolledBack.length, 'migration')} taken back in {formatDuration(durationMs)}:{' '}
          {rolledBack.join(', ')}.{' '}
          {verified
            ? 'The schema is what was recorded of that version.'
            : 'The schema is not quite what was recorded of that version.'}
        </p>
        {snapshot && (
          <p>
            The state before is kept as {snapshot.kind} “{snapshot.tag}”.
          </p>
        )}
        {snapshot?.kind === 'snapshot' && (
          <ButtonLink
            href={`/db/${encodeURIComponent(database)}/restore/${encodeURIComponent(snapshot.id)}`}
          >
            Restore the state before the rollback
          </ButtonLink>
        )}
      </Notice>
      {data && <DataPart data={data} verb="were put back" />}
      {differences.length > 0 && (
        <Section title="What differs">
          <div className="stack">
            <SchemaDiff changes={differences} before={`Recorded at ${to}`} after="Now" />
          </div>
        </Section>
      )}
    </>
  );
}
