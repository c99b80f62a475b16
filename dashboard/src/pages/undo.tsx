import { Link, useParams, useSearchParams } from 'wouter';
import { timelineAddress } from '../addresses';
import { BackTo } from '../parts/back-to';
import { JobProgress } from '../parts/job-progress';
import { Page } from '../parts/page';
import { RestoreDone, type RestoreResult } from '../parts/restore-done';
import { EmptyState, ErrorState, Loading } from '../parts/states';
import { UndoPanel } from '../parts/undo-panel';
import { useInventory } from '../queries';
import { useForgetDatabase } from '../use-job';

/** Takes back the last restore. */
export function UndoPage() {
  const { database = '' } = useParams();
  const [search] = useSearchParams();
  const job = search.get('job') ?? undefined;
  const forget = useForgetDatabase();
  return (
    <Page title="Undo the last restore" above={<BackTo database={database} />}>
      {job === undefined ? (
        <UndoChoice database={database} />
      ) : (
        <div className="card">
          <JobProgress
            id={job}
            onOver={() => forget(database)}
            afterFailure={<Link href={timelineAddress(database)}>Go to the timeline</Link>}
          >
            {({ result }) => (
              <RestoreDone database={database} result={result as RestoreResult} isUndo />
            )}
          </JobProgress>
        </div>
      )}
    </Page>
  );
}

function UndoChoice({ database }: { readonly database: string }) {
  const inventory = useInventory(database);
  if (inventory.error && !inventory.data) {
    return (
      <ErrorState
        error={inventory.error}
        title="The database could not be looked at"
        onRetry={() => void inventory.refetch()}
      />
    );
  }
  if (!inventory.data) return <Loading what="Looking at the database" />;
  const { undo } = inventory.data;
  return undo ? (
    <UndoPanel database={database} tag={undo.tag} />
  ) : (
    <EmptyState title="There is nothing to undo">
      <p>
        Nothing was restored into {database}, or what it replaced is gone.{' '}
        <Link href={timelineAddress(database)}>Go to the timeline</Link>.
      </p>
    </EmptyState>
  );
}
