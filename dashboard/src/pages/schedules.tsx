import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import type { Job } from '../../../src/contract/job';
import type { Schedule } from '../answers';
import { call } from '../api';
import { formatTime } from '../format';
import { Button } from '../parts/button';
import { Confirm } from '../parts/dialog';
import { ListFrame, useList } from '../parts/list';
import { Page } from '../parts/page';
import { ScheduleForm } from '../parts/schedule-form';
import { sayCron } from '../parts/schedule-times';
import { scheduleWords } from '../parts/schedule-work';
import { EmptyState, ErrorState, Notice } from '../parts/states';
import { Badge, Facts, Time } from '../parts/values';
import { useCan } from '../session';
import '../styles/reports.css';

/** What is done by the clock. */
export function SchedulesPage() {
  const isAdmin = useCan('admin');
  const [isMaking, setMaking] = useState(false);
  const list = useList<Schedule>({
    key: ['schedules'],
    path: '/api/schedules',
    field: 'schedules',
    refreshMs: 15_000,
  });
  return (
    <Page
      title="Schedules"
      lead="What the server does by the clock: backups, the monthly proof of old ones, cleaning up."
      actions={
        isAdmin &&
        !isMaking && (
          <Button look="primary" onClick={() => setMaking(true)}>
            Create schedule
          </Button>
        )
      }
    >
      <div className="stack">
        {isMaking && <ScheduleForm onDone={() => setMaking(false)} />}
        <ListFrame
          list={list}
          failure="The schedules could not be read"
          empty={
            <EmptyState title="Nothing is done by the clock yet.">
              <p>
                A nightly checkpoint is a good beginning: an archive that was proven to restore,
                every night.
              </p>
            </EmptyState>
          }
        >
          {(schedules) => (
            <ul className="branches">
              {schedules.map((schedule) => (
                <li key={schedule.id}>
                  <ScheduleCard schedule={schedule} isAdmin={isAdmin} />
                </li>
              ))}
            </ul>
          )}
        </ListFrame>
      </div>
    </Page>
  );
}

interface CardProps {
  readonly schedule: Schedule;
  readonly isAdmin: boolean;
}

const jobLooks = { succeeded: 'ok', failed: 'danger' } as const;

function ScheduleCard({ schedule, isAdmin }: CardProps) {
  const { name, database, type, cron, timezone, enabled, nextAt, lastJob, problem } = schedule;
  return (
    <section className="branch card" aria-label={`Schedule ${name}`}>
      <h2>
        {name} <Badge look={enabled ? 'ok' : 'neutral'}>{enabled ? 'on' : 'paused'}</Badge>
      </h2>
      <Facts
        facts={[
          ['Does', `${scheduleWords(type)} of ${database}`],
          ['When', `${sayCron(cron)} (${timezone})`],
          ['Next', nextAt ? <Time key="next" at={nextAt} /> : 'not while it is paused'],
          [
            'Last',
            lastJob ? (
              <Link key="last" href={`/jobs/${encodeURIComponent(lastJob.id)}`}>
                {formatTime(lastJob.createdAt)}{' '}
                <Badge look={jobLooks[lastJob.state as keyof typeof jobLooks] ?? 'neutral'}>
                  {lastJob.state}
                </Badge>
              </Link>
            ) : (
              'not yet'
            ),
          ],
        ]}
      />
      {problem && (
        <Notice look="danger" title="The last time it could not begin">
          <p>{problem}</p>
        </Notice>
      )}
      {isAdmin && <ScheduleActions schedule={schedule} />}
    </section>
  );
}

function ScheduleActions({ schedule }: { readonly schedule: Schedule }) {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const [isAsking, setAsking] = useState(false);
  const { id, name, enabled } = schedule;
  const address = `/api/schedules/${encodeURIComponent(id)}`;
  const forget = () => queries.invalidateQueries({ queryKey: ['schedules'] });
  const pause = useMutation<unknown, Error>({
    mutationFn: () => call('PATCH', address, { body: { enabled: !enabled } }),
    onSuccess: forget,
  });
  const run = useMutation<Job, Error>({
    mutationFn: () => call('POST', `${address}/run`, { body: {} }),
    onSuccess: (job) => navigate(`/jobs/${encodeURIComponent(job.id)}`),
  });
  const remove = useMutation<unknown, Error>({
    mutationFn: () => call('DELETE', address),
    onSuccess: forget,
  });
  const error = pause.error ?? run.error;
  return (
    <>
      <div className="form-actions">
        <Button onClick={() => run.mutate()} isBusy={run.isPending}>
          Run {name} now
        </Button>
        <Button onClick={() => pause.mutate()} isBusy={pause.isPending}>
          {enabled ? `Pause ${name}` : `Resume ${name}`}
        </Button>
        <Button onClick={() => setAsking(true)}>Remove {name}</Button>
      </div>
      {error && <ErrorState error={error} />}
      {isAsking && (
        <Confirm
          title={`Remove the schedule ${name}?`}
          action="Remove the schedule"
          isBusy={remove.isPending}
          error={remove.error}
          onConfirm={() => remove.mutate()}
          onClose={() => setAsking(false)}
        >
          <p>It runs no more. What it has made stays.</p>
        </Confirm>
      )}
    </>
  );
}
