import { Link, useParams } from 'wouter';
import type { Job } from '../../../src/contract/job';
import type { ImpactPlan } from '../../../src/domain/impact';
import type { Rehearsal } from '../../../src/domain/rehearsal';
import type { RollbackPlan } from '../../../src/domain/rollback';
import { timelineAddress } from '../addresses';
import type { Comparison, Drift, LedgerVerification, Rollback } from '../answers';
import { formatCount, formatDuration } from '../format';
import { jobTypeTitle } from '../job-words';
import { ComparisonReport } from '../parts/comparison-report';
import { ImpactReport } from '../parts/impact-report';
import { JobProgress } from '../parts/job-progress';
import { Page, Section } from '../parts/page';
import { RehearsalReport } from '../parts/rehearsal-report';
import { RollbackResult } from '../parts/rollback-part';
import { RollbackReport } from '../parts/rollback-report';
import { Facts, Time } from '../parts/values';
import { useKnownJob } from '../use-work';
import { DriftReport } from './drift';
import { VerificationReport } from './ledger';
import '../styles/reports.css';

/** One job: who asked for what, its steps as they happen, and how it ended. */
export function JobPage() {
  const { id = '' } = useParams<{ id: string }>();
  const { data: job } = useKnownJob(id);
  return (
    <Page
      title={job ? `${jobTypeTitle(job.type)}: ${job.database}` : 'Job'}
      above={<Link href="/jobs">Jobs</Link>}
    >
      <div className="stack">
        {job && <JobFacts job={job} />}
        <JobProgress key={id} id={id}>
          {(done) => <JobResult job={done} />}
        </JobProgress>
        {job?.state === 'failed' && job.result != null && <JobResult job={job} />}
      </div>
    </Page>
  );
}

function JobFacts({ job }: { readonly job: Job }) {
  const { id, database, requestedBy, createdAt, worker, input } = job;
  const given = Object.keys(input).length > 0;
  return (
    <>
      <Facts
        facts={[
          ['Job', <code key="id">{id}</code>],
          [
            'Database',
            <Link key="db" href={timelineAddress(database)}>
              {database}
            </Link>,
          ],
          ['Asked by', requestedBy],
          ['Asked', <Time key="at" at={createdAt} />],
          ...(worker ? [['Done by', worker] as const] : []),
        ]}
      />
      {given && (
        <details>
          <summary>What it was given</summary>
          <pre className="details-text">{JSON.stringify(input, null, 2)}</pre>
        </details>
      )}
    </>
  );
}

/** What a job ended with: as a report where there is one for it. */
function JobResult({ job }: { readonly job: Job }) {
  const { type, result, database } = job;
  switch (type) {
    case 'plan':
      return <ImpactReport plan={result as ImpactPlan} />;
    case 'rehearse':
      return <RehearsalReport rehearsal={result as Rehearsal} />;
    case 'diff':
      return <ComparisonReport comparison={result as Comparison} />;
    case 'drift':
      return <DriftReport drift={result as Drift} />;
    case 'rollback-plan':
      return <RollbackReport plan={result as RollbackPlan} />;
    case 'rollback':
      return <RollbackResult database={database} rollback={result as Rollback} />;
    case 'ledger-verify':
      return <VerificationReport verification={result as LedgerVerification} />;
    default:
      return <PlainResult result={result} />;
  }
}

/** Names of a result's fields as people read them. */
const fieldWords: Readonly<Record<string, string>> = {
  ...{ ok: 'Went well', tag: 'Tag', restore_drill: 'Restore drill', size: 'Size' },
  ...{ durationMs: 'Took', outageMs: 'Nobody could connect for', verified: 'Verified' },
  ...{ rows: 'Rows', tables: 'Tables', database: 'Database', name: 'Name', freedBytes: 'Freed' },
  ...{ sizeBytes: 'Size in bytes', to: 'Went to', description: 'Description' },
};

function fieldValue(name: string, value: unknown): string | undefined {
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (typeof value === 'string') return value;
  if (typeof value !== 'number') return undefined;
  return name.endsWith('Ms') ? formatDuration(value) : formatCount(value);
}

/** The plain facts of a result, and all of it for who wants to see it. */
function PlainResult({ result }: { readonly result: unknown }) {
  const facts = Object.entries(result ?? {}).flatMap(([name, value]) => {
    const [words, text] = [fieldWords[name], fieldValue(name, value)];
    return words && text ? [[words, text] as const] : [];
  });
  return (
    <Section title="Result">
      <div className="stack">
        <Facts facts={facts} />
        <details>
          <summary>All of it</summary>
          <pre className="details-text">{JSON.stringify(result, null, 2)}</pre>
        </details>
      </div>
    </Section>
  );
}
