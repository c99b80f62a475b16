import { type ReactNode, useEffect, useState } from 'react';
import type { Job, JobEvent } from '../../../src/contract/job';
import { announce } from '../announce';
import { call, jobFailure } from '../api';
import { formatDuration } from '../format';
import { jobTitle, stepTitle } from '../job-words';
import { isOver, useJob } from '../use-job';
import { Button } from './button';
import { ErrorState, Loading } from './states';

interface Step {
  readonly key: number;
  readonly name: string;
  readonly detail: string | undefined;
  readonly estimateMs: number | undefined;
  readonly startedAt: number;
  readonly durationMs: number | undefined;
}

interface Story {
  readonly steps: readonly Step[];
  readonly remarks: readonly {
    readonly key: number;
    readonly text: string;
    readonly isWarning: boolean;
  }[];
}

/** The steps of a job from its events. An attempt that a server took with it into death is left out: the job began again. */
function tellStory(events: readonly JobEvent[]): Story {
  const begun = events.findLastIndex(
    ({ event }) => event.type === 'state' && event.state === 'running',
  );
  let steps: Step[] = [];
  const remarks: Story['remarks'][number][] = [];
  for (const { seq, at, event } of events.slice(Math.max(0, begun))) {
    if (event.type === 'step') {
      const { name, detail, estimateMs } = event;
      const startedAt = Date.parse(at);
      steps.push({ key: seq, name, detail, estimateMs, startedAt, durationMs: undefined });
    } else if (event.type === 'step-done') {
      const open = steps.findLastIndex(
        (step) => step.name === event.name && step.durationMs === undefined,
      );
      steps = steps.map((step, index) =>
        index === open ? { ...step, durationMs: event.durationMs } : step,
      );
    } else if (event.type === 'note' || event.type === 'warning') {
      remarks.push({ key: seq, text: event.message, isWarning: event.type === 'warning' });
    }
  }
  return { steps, remarks };
}

/**
 * A job as it happens: steps, warnings, its end. Works the same after a reload.
 * @param props.children what to show when it has succeeded
 */
export function JobProgress(props: {
  readonly id: string;
  readonly onOver?: ((job: Job) => void) | undefined;
  /** Only a look: once it has succeeded, its steps are of no interest any more. */
  readonly isBrief?: boolean;
  /** Beside the failure: what can be done then. */
  readonly afterFailure?: ReactNode | ((job: Job) => ReactNode);
  readonly children?: (job: Job) => ReactNode;
}) {
  const { id, onOver } = props;
  const { job, events, error, isLive } = useJob(id);
  const state = job?.state;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each state; the callbacks change with every drawing.
  useEffect(() => {
    if (!job) return;
    announce(jobTitle(job));
    if (isOver(job)) onOver?.(job);
  }, [state]);
  if (error) return <ErrorState error={error} title="This job cannot be shown" />;
  if (!job) return <Loading what="Looking at the job" />;
  const failure = jobFailure(job);
  if (props.isBrief && job.state === 'succeeded') return props.children?.(job);
  return (
    <div className="job" data-state={job.state}>
      <p className="job-title">
        {!isOver(job) && <span className="spinner" aria-hidden="true" />}
        {jobTitle(job)}
        {job.attempt > 1 && ` (attempt ${job.attempt}: the worker before it was lost)`}
      </p>
      {!isLive && !isOver(job) && (
        <p className="job-away" role="status">
          The connection to the server is away; trying again. The job goes on without this page.
        </p>
      )}
      <Steps events={events} job={job} />
      {failure && (
        <ErrorState error={failure} title={jobTitle(job)}>
          {typeof props.afterFailure === 'function' ? props.afterFailure(job) : props.afterFailure}
        </ErrorState>
      )}
      {!isOver(job) && <CancelButton job={job} />}
      {job.state === 'succeeded' && props.children?.(job)}
    </div>
  );
}

function Steps({ events, job }: { readonly events: readonly JobEvent[]; readonly job: Job }) {
  const { steps, remarks } = tellStory(events);
  const last = steps.at(-1);
  const now =
    last && last.durationMs === undefined && job.state === 'running' ? last.name : undefined;
  useEffect(() => {
    if (now !== undefined) announce(stepTitle(now));
  }, [now]);
  return (
    <>
      <ol className="steps" aria-label="Steps">
        {steps.map((step) => (
          <StepLine key={step.key} step={step} isJobOver={isOver(job)} />
        ))}
      </ol>
      {remarks.map(({ key, text, isWarning }) => (
        <p key={key} className={isWarning ? 'job-warning' : 'job-note'}>
          {isWarning && <strong>Warning: </strong>}
          {text}
        </p>
      ))}
    </>
  );
}

function StepLine({ step, isJobOver }: { readonly step: Step; readonly isJobOver: boolean }) {
  const isDone = step.durationMs !== undefined;
  const state = isDone ? 'done' : isJobOver ? 'ended' : 'running';
  return (
    <li className={`step step-${state}`} aria-current={state === 'running' ? 'step' : undefined}>
      <span className="step-mark" aria-hidden="true" />
      <span className="step-name">
        {stepTitle(step.name)}
        {step.detail && <span className="step-detail"> {step.detail}</span>}
      </span>
      <span className="step-time">
        {step.durationMs !== undefined && (
          <>
            <span className="visually-hidden">done in </span>
            {formatDuration(step.durationMs)}
          </>
        )}
        {state === 'running' && step.estimateMs !== undefined && (
          <>about {formatDuration(step.estimateMs)}</>
        )}
        {state === 'ended' && 'not finished'}
      </span>
    </li>
  );
}

function CancelButton({ job }: { readonly job: Job }) {
  const [isAsked, setAsked] = useState(false);
  const [error, setError] = useState<Error>();
  const cancel = () => {
    setAsked(true);
    setError(undefined);
    call('POST', `/api/jobs/${encodeURIComponent(job.id)}/cancel`).catch((thrown: Error) => {
      setAsked(false);
      setError(thrown);
    });
  };
  return (
    <p className="job-cancel">
      <Button onClick={cancel} isBusy={isAsked}>
        {isAsked ? 'Cancelling' : 'Cancel'}
      </Button>
      {error && <ErrorState error={error} title="It was not cancelled" />}
    </p>
  );
}
