import { useState } from 'react';
import { Link, useParams, useSearchParams } from 'wouter';
import { createSnapshotAddress, timelineAddress } from '../addresses';
import type { Comparison } from '../answers';
import { Button } from '../parts/button';
import { ComparisonReport } from '../parts/comparison-report';
import { Choice, Form } from '../parts/form';
import { JobProgress } from '../parts/job-progress';
import { Page } from '../parts/page';
import { ReferenceField, useSnapshotChoice } from '../parts/reference-field';
import { EmptyState, ErrorState } from '../parts/states';
import { useWork } from '../use-work';
import '../styles/reports.css';

/** Two snapshots, or one and the database as it is now. The address holds what is compared. */
export function ComparePage() {
  const { database = '' } = useParams<{ database: string }>();
  const choice = useSnapshotChoice(database);
  const work = useWork('comparison');
  const isEmpty = choice.data?.snapshots.length === 0;
  return (
    <Page
      title={`Compare states of ${database}`}
      above={<Link href={timelineAddress(database)}>{database}</Link>}
      lead="What differs between two snapshots, or between a snapshot and the database as it is now. Nothing is changed."
    >
      <div className="stack">
        {choice.error && (
          <ErrorState
            error={choice.error}
            title="The snapshots could not be read"
            onRetry={() => void choice.refetch()}
          />
        )}
        {isEmpty && (
          <EmptyState
            title="There is no snapshot to compare with yet."
            action={<Link href={createSnapshotAddress(database)}>Create snapshot</Link>}
          >
            <p>Create one now; later you will see here what has changed since.</p>
          </EmptyState>
        )}
        {choice.data && !isEmpty && (
          <Question database={database} choice={choice.data} work={work} />
        )}
        {work.error && <ErrorState error={work.error} title="The comparison was not begun" />}
        {work.jobId && (
          <JobProgress key={work.jobId} id={work.jobId}>
            {(job) => <ComparisonReport comparison={job.result as Comparison} />}
          </JobProgress>
        )}
      </div>
    </Page>
  );
}

function Question(props: {
  readonly database: string;
  readonly choice: NonNullable<ReturnType<typeof useSnapshotChoice>['data']>;
  readonly work: ReturnType<typeof useWork>;
}) {
  const { database, choice, work } = props;
  const [search, setSearch] = useSearchParams();
  const [a, setA] = useState(search.get('a') ?? choice.snapshots[0]?.tag ?? 'live');
  const [b, setB] = useState(search.get('b') ?? 'live');
  const [data, setData] = useState(search.get('data') === 'true');
  const [error, setError] = useState<string>();
  const compare = () => {
    const isSame = a.trim() === b.trim();
    setError(isSame ? 'Choose two that are not the same.' : undefined);
    if (isSame) return;
    setSearch({ a, b, ...(data ? { data: 'true' } : {}) }, { replace: true });
    void work.begin('/api/comparisons', { database, a, b, data });
  };
  return (
    <Form label="Compare" onSubmit={compare}>
      <div className="two-columns">
        <ReferenceField label="From" choice={choice} value={a} onChange={setA} />
        <ReferenceField label="To" choice={choice} value={b} error={error} onChange={setB} />
      </div>
      <Choice
        type="checkbox"
        label="Compare the rows themselves, too"
        hint="Reads both in full: it takes longer on large databases."
        isChecked={data}
        onChange={setData}
      />
      <div className="form-actions">
        <Button type="submit" look="primary" isBusy={work.isStarting}>
          Compare
        </Button>
      </div>
    </Form>
  );
}
