import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'wouter';
import type { InventoryBranch, InventoryProblem } from '../../../src/contract/inventory';
import { timelineAddress } from '../addresses';
import { type ApiError, call } from '../api';
import { BranchActions } from '../parts/branch-actions';
import { BranchForm } from '../parts/branch-form';
import { Button } from '../parts/button';
import { Confirm } from '../parts/dialog';
import { JobProgress } from '../parts/job-progress';
import { LookProblem } from '../parts/look-problem';
import { Page, Section } from '../parts/page';
import { CopyField } from '../parts/secret-once';
import { EmptyState, ErrorState, Loading } from '../parts/states';
import { Badge, Bytes, Facts, Time } from '../parts/values';
import { useCan } from '../session';
import { useForgetDatabase } from '../use-job';
import { useWork, type Work } from '../use-work';
import '../styles/reports.css';

interface BranchList {
  readonly branches: readonly InventoryBranch[];
  readonly problem: InventoryProblem | null;
}

/** Writable copies of a database, each with its own URL and lifetime. */
export function BranchesPage() {
  const { database = '' } = useParams<{ database: string }>();
  const forget = useForgetDatabase();
  const work = useWork('job');
  const branches = useQuery<BranchList, ApiError>({
    queryKey: ['branches', database],
    queryFn: ({ signal }) =>
      call('GET', '/api/branches', { query: { database, limit: 100 }, signal }),
    refetchInterval: 10_000,
  });
  const { data, error } = branches;
  const [mayRestore, mayCollect] = [useCan('restore'), useCan('admin')];
  const [isCreating, setCreating] = useState(false);
  return (
    <Page
      title={`Branches of ${database}`}
      above={<Link href={timelineAddress(database)}>{database}</Link>}
      lead="Writable copies for development and tests. What happens in one does not touch the database."
      actions={
        mayRestore &&
        !isCreating && (
          <Button look="primary" onClick={() => setCreating(true)}>
            Create branch
          </Button>
        )
      }
    >
      <div className="stack">
        {isCreating && (
          <BranchForm
            database={database}
            work={work}
            onDone={() => setCreating(false)}
            taken={(data?.branches ?? []).map(({ name }) => name)}
          />
        )}
        {work.jobId && (
          <JobProgress key={work.jobId} id={work.jobId} onOver={() => forget(database)} />
        )}
        {branches.isPending && <Loading what="Looking for branches" />}
        {error && (
          <ErrorState
            error={error}
            title="The branches could not be read"
            onRetry={() => void branches.refetch()}
          />
        )}
        <LookProblem problem={data?.problem} />
        {data?.branches.length === 0 && !isCreating && (
          <EmptyState title="There is no branch yet.">
            <p>
              A branch starts from the database as it is now or from a snapshot, and can be reset to
              that at any time.
            </p>
          </EmptyState>
        )}
        {data && data.branches.length > 0 && (
          <ul className="branches">
            {data.branches.map((branch) => (
              <li key={branch.name}>
                <Branch database={database} branch={branch} work={work} />
              </li>
            ))}
          </ul>
        )}
        {data && data.branches.length > 0 && mayCollect && (
          <Collect database={database} work={work} />
        )}
      </div>
    </Page>
  );
}

function Branch(props: {
  readonly database: string;
  readonly branch: InventoryBranch;
  readonly work: Work;
}) {
  const { branch } = props;
  const { name, state, basedOn, createdAt, expiresAt, gitBranch, sizeBytes, url } = branch;
  return (
    <section className="branch card" aria-label={`Branch ${name}`}>
      <h2>
        {name} <Badge look={state === 'ready' ? 'ok' : 'warn'}>{state}</Badge>{' '}
        {branch.isProtected && <Badge look="info">protected</Badge>}
      </h2>
      <Facts
        facts={[
          ['Starts from', basedOn ?? 'the database as it was then'],
          ['Own', branch.isolation],
          ['Created', <Time key="at" at={createdAt} />],
          ['Removed', expiresAt ? <Time key="end" at={expiresAt} /> : 'never by itself'],
          ...(gitBranch ? [['Git branch', gitBranch] as const] : []),
          ...(sizeBytes === null
            ? []
            : [['Size', <Bytes key="size" bytes={sizeBytes} />] as const]),
        ]}
      />
      {url && (
        <CopyField
          label={`Address of ${name}`}
          text={url}
          hint="Without the password: it is that of the database."
        />
      )}
      <BranchActions {...props} />
    </section>
  );
}

function Collect({ database, work }: { readonly database: string; readonly work: Work }) {
  const [isAsking, setAsking] = useState(false);
  const ask = () => {
    work.clearError();
    setAsking(true);
  };
  const collect = async () => {
    if (await work.begin('/api/branches/gc', { database })) setAsking(false);
  };
  return (
    <Section title="Clean up">
      <div className="stack">
        <p>Removes branches whose time is over or whose git branch is gone. Protected ones stay.</p>
        <p>
          <Button onClick={ask}>Remove expired branches</Button>
        </p>
        {isAsking && (
          <Confirm
            title={`Remove expired branches of ${database}?`}
            action="Remove expired branches"
            isBusy={work.isStarting}
            error={work.error}
            onConfirm={() => void collect()}
            onClose={() => setAsking(false)}
          >
            <p>What was written in them is lost.</p>
          </Confirm>
        )}
      </div>
    </Section>
  );
}
