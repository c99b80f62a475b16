import { useState } from 'react';
import { Link, useParams } from 'wouter';
import type { Job } from '../../../src/contract/job';
import type { Snapshot } from '../../../src/domain/snapshot';
import { restoreAddress, snapshotAddress, timelineAddress } from '../addresses';
import { ApiError } from '../api';
import { plural } from '../format';
import { BackTo } from '../parts/back-to';
import { Button, ButtonLink } from '../parts/button';
import { Choice, Choices, Field, Form } from '../parts/form';
import { JobProgress } from '../parts/job-progress';
import { Page } from '../parts/page';
import { ErrorState, Notice } from '../parts/states';
import { useDatabase } from '../queries';
import { tagProblem } from '../tag';
import { useForgetDatabase } from '../use-job';
import { useWork } from '../use-work';

interface Order {
  readonly tag: string;
  readonly description: string;
  readonly archive: boolean;
  readonly sessions: 'wait' | 'fail' | 'terminate';
}

const nothing: Order = { tag: '', description: '', archive: false, sessions: 'wait' };

/** Takes a snapshot of the database as it is now. */
export function CreateSnapshotPage() {
  const { database = '' } = useParams();
  const work = useWork('job');
  const forget = useForgetDatabase();
  const [order, setOrder] = useState(nothing);
  const [failure, setFailure] = useState<ApiError>();
  const create = () => {
    setFailure(undefined);
    const { tag, description, archive, sessions } = order;
    work.begin('/api/snapshots', {
      ...{ database, tag: tag.trim() },
      ...(description.trim() === '' ? {} : { description: description.trim() }),
      ...(archive ? { archive } : {}),
      ...(sessions === 'wait' ? {} : { sessions }),
    });
  };
  const onOver = (job: Job) => {
    forget(database);
    // A tag that is wrong or taken is mended in the form, not looked at on a page about a failure.
    if (job.error && isAboutTag(job.error.code)) {
      const { tag = '', description = '', archive, sessions } = job.input as Partial<Order>;
      setOrder({ tag, description, archive: archive ?? false, sessions: sessions ?? 'wait' });
      setFailure(new ApiError(job.error));
      work.forget();
    }
  };
  return (
    <Page
      title="Create snapshot"
      above={<BackTo database={database} />}
      lead={`Keeps ${database} as it is now, with a tag, so that you can come back to exactly this.`}
    >
      {work.jobId === undefined ? (
        <SnapshotForm
          {...{ database, order, onChange: setOrder, onSubmit: create }}
          isBusy={work.isStarting}
          error={failure ?? work.error ?? undefined}
        />
      ) : (
        <div className="card">
          <JobProgress
            id={work.jobId}
            onOver={onOver}
            afterFailure={<Button onClick={work.forget}>Change it and try again</Button>}
          >
            {(job) => <Created database={database} snapshot={job.result as Snapshot} />}
          </JobProgress>
        </div>
      )}
    </Page>
  );
}

const isAboutTag = (code: string): boolean => ['TAG_EXISTS', 'BAD_TAG'].includes(code);

function SnapshotForm(props: {
  readonly database: string;
  readonly order: Order;
  readonly onChange: (order: Order) => void;
  readonly onSubmit: () => void;
  readonly isBusy: boolean;
  readonly error: Error | undefined;
}) {
  const { order, onChange, error } = props;
  const summary = useDatabase(props.database);
  const [isChecked, setChecked] = useState(false);
  const problem = tagProblem(order.tag.trim());
  const isTagError = error instanceof ApiError && isAboutTag(error.code);
  const submit = () => {
    setChecked(true);
    if (problem) document.getElementsByName('tag')[0]?.focus();
    else props.onSubmit();
  };
  const ofServer = isTagError ? [error.message, error.hint].filter(Boolean).join('. ') : undefined;
  return (
    <Form label="Create snapshot" onSubmit={submit}>
      <Field
        label="Tag"
        hint="The name by which you will find it again, e.g. baseline."
        error={isChecked && problem ? problem : ofServer}
      >
        {(control) => (
          <input
            {...control}
            name="tag"
            required
            value={order.tag}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            onChange={(event) => onChange({ ...order, tag: event.target.value })}
          />
        )}
      </Field>
      <Field label="Description" isOptional hint="Why you keep it. It can be searched.">
        {(control) => (
          <textarea
            {...control}
            value={order.description}
            maxLength={10_000}
            onChange={(event) => onChange({ ...order, description: event.target.value })}
          />
        )}
      </Field>
      <Choice
        type="checkbox"
        label="Keep an archive too"
        hint={
          summary?.store
            ? `A portable copy in ${summary.store}: it is still there when the database server is lost.`
            : 'A portable copy outside the database server: it is still there when that is lost.'
        }
        isChecked={order.archive}
        onChange={(archive) => onChange({ ...order, archive })}
      />
      <details>
        <summary>If somebody is in the middle of something</summary>
        <SessionChoices
          chosen={order.sessions}
          onChoose={(sessions) => onChange({ ...order, sessions })}
        />
      </details>
      {error && !isTagError && <ErrorState error={error} title="No snapshot was created" />}
      <div className="form-actions">
        <Button type="submit" look="primary" isBusy={props.isBusy}>
          Create snapshot
        </Button>
        <ButtonLink href={timelineAddress(props.database)}>Cancel</ButtonLink>
      </div>
    </Form>
  );
}

const sessionWords = {
  wait: 'Give transactions in progress ten seconds to end',
  fail: 'Create no snapshot, and disconnect nobody',
  terminate: 'Disconnect everybody at once',
} as const;

function SessionChoices(props: {
  readonly chosen: Order['sessions'];
  readonly onChoose: (sessions: Order['sessions']) => void;
}) {
  return (
    <Choices
      legend="Sessions in the way"
      hint="Taking a snapshot needs a moment in which nobody is connected. Idle sessions are disconnected and can connect again at once."
    >
      {(Object.keys(sessionWords) as Order['sessions'][]).map((policy) => (
        <Choice
          key={policy}
          type="radio"
          name="sessions"
          label={sessionWords[policy]}
          isChecked={props.chosen === policy}
          onChange={() => props.onChoose(policy)}
        />
      ))}
    </Choices>
  );
}

function Created({
  database,
  snapshot,
}: {
  readonly database: string;
  readonly snapshot: Snapshot;
}) {
  const { id, tag, fingerprint } = snapshot;
  return (
    <Notice look="ok" title={`${tag} is kept`}>
      {fingerprint && (
        <p>
          {plural(fingerprint.tables, 'table')} with {plural(fingerprint.rows, 'row')}.
        </p>
      )}
      <p>
        <Link href={snapshotAddress(database, id)}>Look at the snapshot</Link>,{' '}
        <Link href={timelineAddress(database)}>go to the timeline</Link>, or, whenever you want,{' '}
        <Link href={restoreAddress(database, id)}>restore it</Link>.
      </p>
    </Notice>
  );
}
