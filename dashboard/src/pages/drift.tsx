import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from 'wouter';
import { timelineAddress } from '../addresses';
import type { Drift } from '../answers';
import { type ApiError, call } from '../api';
import { plural } from '../format';
import { Button } from '../parts/button';
import { Notes } from '../parts/impact-report';
import { Page, Section } from '../parts/page';
import { SchemaDiff } from '../parts/schema-diff';
import { EmptyState, ErrorState, Loading, Notice } from '../parts/states';
import { Table } from '../parts/table';
import { Time } from '../parts/values';
import '../styles/reports.css';

/** How the live schema differs from the one that was recorded last. */
export function DriftPage() {
  const { database = '' } = useParams<{ database: string }>();
  const drift = useQuery<Drift, ApiError>({
    queryKey: ['drift', database],
    queryFn: ({ signal }) => call('GET', '/api/drift', { query: { database }, signal }),
    staleTime: 30_000,
    refetchOnWindowFocus: false,
  });
  const look = () => void drift.refetch();
  const isUnrecorded = drift.error?.code === 'NO_HISTORY';
  return (
    <Page
      title={`Drift of ${database}`}
      above={<Link href={timelineAddress(database)}>{database}</Link>}
      lead="Whether somebody has changed the schema by hand since it was recorded last."
      actions={
        <Button onClick={look} isBusy={drift.isFetching}>
          Look again
        </Button>
      }
    >
      <div className="stack">
        {drift.isPending && <Loading what="Comparing the live schema with the recorded one" />}
        {isUnrecorded && (
          <EmptyState title="Nothing was recorded of this schema yet.">
            <p>
              Belay records it with every migration that it applies, and with the command{' '}
              <code>belay schema snapshot</code>. From then on drift can be told.
            </p>
          </EmptyState>
        )}
        {drift.error && !isUnrecorded && (
          <ErrorState error={drift.error} title="Drift could not be looked for" onRetry={look} />
        )}
        {drift.data && <DriftReport drift={drift.data} />}
      </div>
    </Page>
  );
}

/** Drift with what the database itself knows of how it came about. */
export function DriftReport({ drift }: { readonly drift: Drift }) {
  const { drifted, changes, recorded, notes } = drift;
  const seen = changes.filter((change) => change.seen !== null);
  return (
    <>
      <Notice
        look={drifted ? 'warn' : 'ok'}
        title={drifted ? `${plural(changes.length, 'change')} by hand` : 'No drift'}
      >
        <p>
          Compared with version {recorded.version}, recorded <Time at={recorded.at} />.{' '}
          {drifted
            ? 'Put each change into a migration, or take it back; then the next recording has it.'
            : 'The live schema is what was recorded.'}
        </p>
      </Notice>
      {drifted && (
        <Section title="What differs">
          <div className="stack">
            <SchemaDiff changes={changes} before={`Recorded (${recorded.version})`} after="Live" />
          </div>
        </Section>
      )}
      {seen.length > 0 && (
        <Section title="Who, when and how">
          <div className="stack">
            <Table
              caption="What the database knows of each change"
              rows={seen}
              keyOf={({ object, name }) => `${object} ${name}`}
              columns={[
                {
                  title: 'Object',
                  isName: true,
                  cell: ({ object, name }) => (
                    <>
                      {object} <code>{name}</code>
                    </>
                  ),
                },
                { title: 'By', cell: ({ seen: trace }) => trace?.by ?? 'not known' },
                { title: 'Owner', cell: ({ seen: trace }) => trace?.owner ?? 'not known' },
                {
                  title: 'When',
                  cell: ({ seen: trace }) =>
                    trace?.changedAt ? <Time at={trace.changedAt} /> : 'not known',
                },
                {
                  title: 'Statement',
                  cell: ({ seen: trace }) =>
                    trace?.statement ? <code>{trace.statement}</code> : 'not known',
                },
              ]}
            />
          </div>
        </Section>
      )}
      <Notes notes={notes} />
    </>
  );
}
