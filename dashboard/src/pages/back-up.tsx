import { Link, useParams } from 'wouter';
import type { Snapshot } from '../../../src/domain/snapshot';
import { snapshotAddress, timelineAddress } from '../addresses';
import { formatCount, plural } from '../format';
import { BackTo } from '../parts/back-to';
import { Button } from '../parts/button';
import { JobProgress } from '../parts/job-progress';
import { Page } from '../parts/page';
import { ErrorState, Notice } from '../parts/states';
import { Duration, Facts } from '../parts/values';
import { useForgetDatabase } from '../use-job';
import { useWork } from '../use-work';

/** What POST /api/checkpoint answers. */
interface Checkpoint {
  readonly tag: string;
  readonly size: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly restore_drill: string;
  readonly rows: number;
  readonly tables: number;
  readonly snapshot: Snapshot;
  readonly durationMs: number;
}

/** A checkpoint: an archive that is restored elsewhere and compared before it counts. */
export function BackUpPage() {
  const { database = '' } = useParams();
  const work = useWork('job');
  const forget = useForgetDatabase();
  const begin = () => work.begin('/api/checkpoint', { database });
  return (
    <Page
      title="Back up now"
      above={<BackTo database={database} />}
      lead={`Writes an archive of ${database}, restores it into a PostgreSQL of its own and compares the two. Only then it counts. Nobody is disconnected or held up.`}
    >
      {work.jobId === undefined ? (
        <div className="stack">
          {work.error && <ErrorState error={work.error} title="No backup was begun" />}
          <div className="form-actions">
            <Button look="primary" onClick={begin} isBusy={work.isStarting}>
              Back up {database} now
            </Button>
          </div>
        </div>
      ) : (
        <div className="card">
          <JobProgress
            id={work.jobId}
            onOver={() => forget(database)}
            afterFailure={<Button onClick={begin}>Back up again</Button>}
          >
            {(job) => <Proof database={database} checkpoint={job.result as Checkpoint} />}
          </JobProgress>
        </div>
      )}
    </Page>
  );
}

function Proof(props: { readonly database: string; readonly checkpoint: Checkpoint }) {
  const { tag, size, sha256, rows, tables, durationMs, snapshot } = props.checkpoint;
  return (
    <div className="stack">
      <Notice look="ok" title={`Proven: ${tag}`}>
        <p>
          The archive was restored and is the same as the database was: {plural(tables, 'table')},{' '}
          {formatCount(rows)} {rows === 1 ? 'row' : 'rows'}.
        </p>
      </Notice>
      <Facts
        facts={[
          ['Size', size],
          ['Took', <Duration key="took" ms={durationMs} />],
          [
            'SHA-256',
            <code key="sha" className="mono">
              {sha256}
            </code>,
          ],
        ]}
      />
      <p>
        <Link href={snapshotAddress(props.database, snapshot.id)}>Look at the checkpoint</Link> or{' '}
        <Link href={timelineAddress(props.database)}>go to the timeline</Link>.
      </p>
    </div>
  );
}
