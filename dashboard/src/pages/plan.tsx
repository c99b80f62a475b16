import { type ChangeEvent, useId, useState } from 'react';
import { Link, useParams } from 'wouter';
import type { Job } from '../../../src/contract/job';
import type { ImpactPlan } from '../../../src/domain/impact';
import type { Rehearsal } from '../../../src/domain/rehearsal';
import { timelineAddress } from '../addresses';
import { Button } from '../parts/button';
import { Field, Form } from '../parts/form';
import { ImpactReport } from '../parts/impact-report';
import { JobProgress } from '../parts/job-progress';
import { Page, Section } from '../parts/page';
import { RehearsalReport } from '../parts/rehearsal-report';
import { ErrorState, Notice } from '../parts/states';
import { useCan } from '../session';
import { useKnownJob, useWork } from '../use-work';
import '../styles/reports.css';

/** SQL of a migration: what it would do, and then what it really does on a copy. */
export function PlanPage() {
  const { database = '' } = useParams<{ database: string }>();
  const mayPlan = useCan('restore');
  const plan = useWork('plan');
  const rehearsal = useWork('rehearsal');
  const [firstId] = useState(plan.jobId ?? rehearsal.jobId);
  const first = useKnownJob(firstId);
  return (
    <Page
      title={`Plan a migration of ${database}`}
      above={<Link href={timelineAddress(database)}>{database}</Link>}
      lead="What SQL would do to the data that is there now: measured on the live database, nothing is changed."
    >
      <div className="stack">
        {mayPlan && !first.isLoading && (
          <SqlForm database={database} known={first.data} plan={plan} rehearsal={rehearsal} />
        )}
        {!mayPlan && (
          <Notice look="info" title="You may look, not plan">
            <p>Measuring a migration needs the scope restore. Ask an administrator for it.</p>
          </Notice>
        )}
        {plan.jobId && (
          <JobProgress key={plan.jobId} id={plan.jobId}>
            {(job) => (
              <>
                <ImpactReport plan={job.result as ImpactPlan} />
                {!rehearsal.jobId && (
                  <RehearseButton database={database} job={job} rehearsal={rehearsal} />
                )}
              </>
            )}
          </JobProgress>
        )}
        {rehearsal.jobId && (
          <Section title="Rehearsal on a copy">
            <div className="stack">
              <JobProgress key={rehearsal.jobId} id={rehearsal.jobId}>
                {(job) => <RehearsalReport rehearsal={job.result as Rehearsal} />}
              </JobProgress>
            </div>
          </Section>
        )}
      </div>
    </Page>
  );
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

type Started = ReturnType<typeof useWork>;

function SqlForm(props: {
  readonly database: string;
  /** What was planned before the page was loaded: its SQL is in the field again. */
  readonly known: Job | undefined;
  readonly plan: Started;
  readonly rehearsal: Started;
}) {
  const { database, known, plan, rehearsal } = props;
  const [sql, setSql] = useState(textOf(known?.input.sql));
  const [name, setName] = useState(textOf(known?.input.name));
  const [missing, setMissing] = useState<string>();
  const order = () => ({ database, sql, ...(name.trim() === '' ? {} : { name: name.trim() }) });
  const isThere = (): boolean => {
    const isMissing = sql.trim() === '';
    setMissing(
      isMissing ? 'Write or paste the SQL of the migration, or choose a file.' : undefined,
    );
    return !isMissing;
  };
  const measure = () => {
    if (!isThere()) return;
    rehearsal.forget();
    void plan.begin('/api/plans', order());
  };
  const take = (text: string, file: string) => {
    setSql(text);
    setName(file);
    setMissing(undefined);
  };
  return (
    <Form label="Migration" onSubmit={measure}>
      <Field label="SQL of the migration" error={missing}>
        {(control) => (
          <textarea
            {...control}
            className="sql-input"
            rows={10}
            spellCheck={false}
            value={sql}
            placeholder="ALTER TABLE …"
            onChange={(event) => setSql(event.target.value)}
          />
        )}
      </Field>
      <SqlFile onRead={take} />
      <div className="form-actions">
        <Button type="submit" look="primary" isBusy={plan.isStarting}>
          Measure the impact
        </Button>
      </div>
      {plan.error && <ErrorState error={plan.error} title="The plan was not begun" />}
    </Form>
  );
}

function SqlFile({ onRead }: { readonly onRead: (text: string, name: string) => void }) {
  const id = useId();
  const read = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    if (file) void file.text().then((text) => onRead(text, file.name));
  };
  return (
    <p className="sql-file">
      <label htmlFor={id}>Or choose a file</label>
      <input id={id} type="file" accept=".sql,text/plain" onChange={read} />
    </p>
  );
}

function RehearseButton(props: {
  readonly database: string;
  readonly job: Job;
  readonly rehearsal: Started;
}) {
  const { database, job, rehearsal } = props;
  const { sql, name } = job.input;
  const begin = () =>
    void rehearsal.begin('/api/rehearsals', { database, sql, ...(name ? { name } : {}) });
  return (
    <Section title="What would it really do?">
      <div className="stack">
        <p>
          A rehearsal makes a copy, runs the migration there, compares every row and measures locks
          and time. The database itself is not touched.
        </p>
        <p>
          <Button look="primary" onClick={begin} isBusy={rehearsal.isStarting}>
            Rehearse it on a copy
          </Button>
        </p>
        {rehearsal.error && (
          <ErrorState error={rehearsal.error} title="The rehearsal was not begun" />
        )}
      </div>
    </Section>
  );
}
