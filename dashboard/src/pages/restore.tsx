import { useEffect, useRef, useState } from 'react';
import { useParams } from 'wouter';
import type { Job } from '../../../src/contract/job';
import type { RestorePreview } from '../../../src/contract/restore-preview';
import type { Snapshot } from '../../../src/domain/snapshot';
import { startJob } from '../api';
import { BackTo } from '../parts/back-to';
import { Button } from '../parts/button';
import { useTypedName } from '../parts/dialog';
import { Form } from '../parts/form';
import { JobProgress } from '../parts/job-progress';
import { Page } from '../parts/page';
import { RestoreDone, type RestoreResult } from '../parts/restore-done';
import { RestoreForm } from '../parts/restore-form';
import { PreviewReport } from '../parts/restore-preview';
import { ErrorState, Loading } from '../parts/states';
import { Time } from '../parts/values';
import { useSnapshot } from '../queries';
import {
  newDatabaseName,
  previewBody,
  type RestoreOrder,
  restoreAction,
  restoreCall,
} from '../restore-order';
import { useForgetDatabase } from '../use-job';
import { useWork, type Work } from '../use-work';

/**
 * Restores a snapshot in three steps: where to, what that would replace, and watching it happen. The job of the last stands in
 * the address, so that a reload comes back to it.
 */
export function RestorePage() {
  const { database = '', reference = '' } = useParams();
  const snapshot = useSnapshot(database, reference);
  const work = useWork('job');
  const forget = useForgetDatabase();
  const tag = snapshot.data?.tag;
  return (
    <Page
      title={tag === undefined ? 'Restore' : `Restore ${tag}`}
      above={<BackTo database={database} />}
      lead={snapshot.data && work.jobId === undefined && <Lead snapshot={snapshot.data} />}
    >
      {work.jobId !== undefined ? (
        <div className="card">
          <JobProgress
            id={work.jobId}
            onOver={() => forget(database)}
            afterFailure={(job) => <AfterFailure {...{ database, job, work }} />}
          >
            {({ result }) => <RestoreDone database={database} result={result as RestoreResult} />}
          </JobProgress>
        </div>
      ) : snapshot.data ? (
        <Choose database={database} snapshot={snapshot.data} work={work} />
      ) : snapshot.error ? (
        <ErrorState
          error={snapshot.error}
          title="The snapshot could not be read"
          onRetry={() => void snapshot.refetch()}
        />
      ) : (
        <Loading what="Looking at the snapshot" />
      )}
    </Page>
  );
}

/** The way on: back to the choice, or, where references would break, doing it all the same. */
function AfterFailure(props: {
  readonly database: string;
  readonly job: Job;
  readonly work: Work;
}) {
  const { database, job, work } = props;
  const typed = useTypedName(database, 'The references that are named above would not hold then.');
  const isRefused = job.error?.code === 'WOULD_LOSE';
  const begin = () => {
    if (typed.check()) {
      work.begin('/api/restores', { database, ...job.input, confirm: database });
    }
  };
  return (
    <>
      {isRefused && (
        <Form label="Restore all the same" onSubmit={begin}>
          {typed.field}
          {work.error && <ErrorState error={work.error} title="Nothing was restored" />}
          <div className="form-actions">
            <Button type="submit" look="danger" isBusy={work.isStarting}>
              Restore all the same
            </Button>
          </div>
        </Form>
      )}
      <Button onClick={work.forget}>Back to the choice</Button>
    </>
  );
}

function Lead({ snapshot }: { readonly snapshot: Snapshot }) {
  return (
    <>
      Taken <Time at={snapshot.createdAt} />
      {snapshot.description && `: ${snapshot.description}`}
    </>
  );
}

/** The first two steps. Nothing is changed before the button of the second is pressed. */
function Choose(props: {
  readonly database: string;
  readonly snapshot: Snapshot;
  readonly work: Work;
}) {
  const { database, snapshot, work } = props;
  const [order, setOrder] = useState<RestoreOrder>({
    ...{ way: 'here', tables: [], save: '' },
    to: newDatabaseName(database, snapshot.tag),
  });
  const [previewJob, setPreviewJob] = useState<Job>();
  const [isLooking, setLooking] = useState(false);
  const [error, setError] = useState<Error>();
  const look = () => {
    setLooking(true);
    setError(undefined);
    startJob('/api/restores/preview', previewBody(database, snapshot, order))
      .then(setPreviewJob)
      .catch((thrown: Error) => setError(thrown))
      .finally(() => setLooking(false));
  };
  if (previewJob === undefined) {
    return (
      <div className="stack">
        <RestoreForm
          {...{ database, snapshot, order, onChange: setOrder, onSubmit: look }}
          isBusy={isLooking}
        />
        {error && <ErrorState error={error} title="It could not be looked at" />}
      </div>
    );
  }
  return (
    <Preview
      key={previewJob.id}
      job={previewJob}
      {...{ database, snapshot, order, work }}
      onBack={() => setPreviewJob(undefined)}
      onLook={look}
    />
  );
}

function Preview(props: {
  readonly database: string;
  readonly snapshot: Snapshot;
  readonly order: RestoreOrder;
  readonly job: Job;
  readonly work: Work;
  readonly onBack: () => void;
  readonly onLook: () => void;
}) {
  const { database, snapshot, order, job, work } = props;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const begin = (confirm: string | undefined) => {
    const { path, body } = restoreCall(database, snapshot, order, confirm);
    work.begin(path, body);
  };
  return (
    <section className="section" aria-label="What would be replaced">
      <h2 ref={heading} tabIndex={-1} className="section-head">
        {order.way === 'new' ? 'What would be made' : 'What would be replaced'}
      </h2>
      <JobProgress
        id={job.id}
        isBrief
        afterFailure={<Button onClick={props.onBack}>Back to the choice</Button>}
      >
        {({ result }) => (
          <div className="stack">
            <PreviewReport preview={result as RestorePreview} />
            <Decision
              preview={result as RestorePreview}
              action={restoreAction(database, snapshot.tag, order)}
              {...{ database, work, onConfirm: begin }}
              onBack={props.onBack}
              onLook={props.onLook}
            />
          </div>
        )}
      </JobProgress>
    </section>
  );
}

function Decision(props: {
  readonly preview: RestorePreview;
  readonly database: string;
  readonly action: string;
  readonly work: Work;
  readonly onConfirm: (typed: string | undefined) => void;
  readonly onBack: () => void;
  readonly onLook: () => void;
}) {
  const { preview, database, work } = props;
  const name = preview.needsConfirmation ? database : undefined;
  const typed = useTypedName(name);
  const isFree = preview.blockers.length === 0;
  const submit = () => {
    if (isFree && typed.check()) props.onConfirm(name);
  };
  return (
    <Form label="Confirm the restore" onSubmit={submit}>
      {isFree && typed.field}
      {work.error && <ErrorState error={work.error} title="Nothing was restored" />}
      <div className="form-actions">
        {isFree && (
          <Button
            type="submit"
            look={preview.inPlace ? 'danger' : 'primary'}
            isBusy={work.isStarting}
          >
            {props.action}
          </Button>
        )}
        <Button onClick={props.onLook}>Look again</Button>
        <Button onClick={props.onBack}>Back to the choice</Button>
      </div>
    </Form>
  );
}
