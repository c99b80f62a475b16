import { Link, useSearchParams } from 'wouter';
import type { Job, JobState } from '../../../src/contract/job';
import { formatDuration } from '../format';
import { jobTypeTitle } from '../job-words';
import { Select } from '../parts/branch-form';
import { ListFrame, useList } from '../parts/list';
import { Page } from '../parts/page';
import { EmptyState } from '../parts/states';
import { Table } from '../parts/table';
import { Badge, Time } from '../parts/values';
import { useDatabases } from '../queries';
import '../styles/reports.css';

const states = [
  ['', 'Any state'],
  ['queued', 'Waiting'],
  ['running', 'Running'],
  ['succeeded', 'Done'],
  ['failed', 'Failed'],
  ['cancelled', 'Cancelled'],
] as const;

/** Everything that the server was asked to do, as it goes on. */
export function JobsPage() {
  const [search, setSearch] = useSearchParams();
  const [database, state] = [search.get('database') ?? '', search.get('state') ?? ''];
  const { data: databases = [] } = useDatabases();
  const list = useList<Job>({
    key: ['jobs', database, state],
    path: '/api/jobs',
    field: 'jobs',
    query: { database, state },
    refreshMs: 3_000,
  });
  const choose = (name: string) => (value: string) =>
    setSearch(
      (known) => {
        const next = new URLSearchParams(known);
        if (value === '') next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  const isFiltered = database !== '' || state !== '';
  return (
    <Page title="Jobs" lead="What the server does, and what it did in the last 90 days.">
      <div className="stack">
        <div className="two-columns filter-line">
          <Select
            label="Database"
            value={database}
            options={[['', 'All databases'], ...databases.map(({ name }) => [name, name] as const)]}
            onChange={choose('database')}
          />
          <Select label="State" value={state} options={states} onChange={choose('state')} />
        </div>
        <ListFrame
          list={list}
          failure="The jobs could not be read"
          empty={
            <EmptyState title={isFiltered ? 'No job is like that.' : 'There was no job yet.'}>
              <p>
                {isFiltered
                  ? 'Choose another database or state.'
                  : 'Back up a database, and its job appears here.'}
              </p>
            </EmptyState>
          }
        >
          {(jobs) => <Jobs jobs={jobs} />}
        </ListFrame>
      </div>
    </Page>
  );
}

function Jobs({ jobs }: { readonly jobs: readonly Job[] }) {
  return (
    <Table
      caption="Jobs, newest first"
      rows={jobs}
      keyOf={({ id }) => id}
      columns={[
        {
          title: 'Job',
          isName: true,
          cell: ({ id, type }) => (
            <Link href={`/jobs/${encodeURIComponent(id)}`}>
              {jobTypeTitle(type)}
              <span className="visually-hidden"> {id}</span>
            </Link>
          ),
        },
        { title: 'Database', cell: ({ database }) => database },
        { title: 'State', cell: (job) => <StateOfJob job={job} /> },
        { title: 'Asked by', cell: ({ requestedBy }) => requestedBy },
        { title: 'When', cell: ({ createdAt }) => <Time at={createdAt} /> },
        { title: 'Took', isNumber: true, cell: (job) => tookText(job) },
      ]}
    />
  );
}

const looks: Readonly<Record<JobState, 'neutral' | 'info' | 'ok' | 'danger' | 'warn'>> = {
  ...{ queued: 'neutral', running: 'info', succeeded: 'ok', failed: 'danger', cancelled: 'warn' },
};

/** How a job stands, with the step that it is at. */
function StateOfJob({ job: { state, step } }: { readonly job: Job }) {
  const word = states.find(([name]) => name === state)?.[1].toLowerCase() ?? state;
  return (
    <>
      <Badge look={looks[state]}>{word}</Badge>
      {state === 'running' && step && ` ${step}`}
    </>
  );
}

function tookText({ startedAt, finishedAt }: Job): string {
  if (!startedAt || !finishedAt) return '—';
  return formatDuration(Date.parse(finishedAt) - Date.parse(startedAt));
}
