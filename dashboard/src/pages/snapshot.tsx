import { useParams } from 'wouter';
import type { ArchiveCopy, Snapshot, SnapshotCopy } from '../../../src/domain/snapshot';
import { restoreAddress } from '../addresses';
import { formatServerVersion, formatTime, plural } from '../format';
import { BackTo } from '../parts/back-to';
import { Button, ButtonLink } from '../parts/button';
import { JobProgress } from '../parts/job-progress';
import { Page, Section } from '../parts/page';
import { SnapshotActions } from '../parts/snapshot-actions';
import { formatProtection, ProofBadge, SnapshotBadges } from '../parts/snapshot-badges';
import { SnapshotLedger } from '../parts/snapshot-ledger';
import { SnapshotTables } from '../parts/snapshot-tables';
import { EmptyState, ErrorState, Loading, Notice } from '../parts/states';
import { Bytes, Duration, Facts, Time } from '../parts/values';
import { useInventory, useSnapshot } from '../queries';
import { useCan } from '../session';
import { useForgetDatabase } from '../use-job';
import { useWork } from '../use-work';

/** All that is known of one snapshot, and what can be done with it. */
export function SnapshotPage() {
  const { database = '', reference = '' } = useParams();
  const snapshot = useSnapshot(database, reference);
  const canRestore = useCan('restore');
  const { data } = snapshot;
  return (
    <Page
      title={data?.tag ?? 'Snapshot'}
      above={<BackTo database={database} />}
      actions={
        data &&
        canRestore && (
          <ButtonLink href={restoreAddress(database, data.id)} look="primary">
            Restore
          </ButtonLink>
        )
      }
      lead={data?.description}
    >
      {data ? (
        <Whole database={database} snapshot={data} />
      ) : snapshot.error?.code === 'SNAPSHOT_NOT_FOUND' ? (
        <EmptyState title="This snapshot is gone">
          <p>
            It was deleted, or never was. The timeline of <BackTo database={database} /> tells.
          </p>
        </EmptyState>
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

function Whole({ database, snapshot }: { readonly database: string; readonly snapshot: Snapshot }) {
  const inventory = useInventory(database);
  const isBase = inventory.data?.basedOn?.id === snapshot.id;
  return (
    <>
      <p className="row">
        <SnapshotBadges snapshot={snapshot} isBase={isBase} />
      </p>
      <Section title="What it is">
        <div className="card">
          <Identity database={database} snapshot={snapshot} />
        </div>
      </Section>
      <Section title="Copies and proof">
        <Copies database={database} snapshot={snapshot} />
      </Section>
      <Section title="Tables">
        <SnapshotTables snapshot={snapshot} />
      </Section>
      <Section title="What happened to it">
        <SnapshotLedger database={database} snapshot={snapshot} />
      </Section>
      <SnapshotActions database={database} snapshot={snapshot} />
    </>
  );
}

function Identity({
  database,
  snapshot,
}: {
  readonly database: string;
  readonly snapshot: Snapshot;
}) {
  const { git, fingerprint, protectedUntil, target } = snapshot;
  return (
    <Facts
      facts={[
        [
          'Taken',
          <span key="taken">
            {formatTime(snapshot.createdAt)} (<Time at={snapshot.createdAt} />)
          </span>,
        ],
        ['Of', `${target.database} on ${target.server}, registered as ${database}`],
        ['Server', `PostgreSQL ${formatServerVersion(snapshot.serverVersion)}`],
        ['Size', <Bytes key="size" bytes={snapshot.sizeBytes} />],
        ['Taking it took', <Duration key="took" ms={snapshot.durationMs} />],
        ...(git
          ? [
              [
                'Code',
                <span key="git" className="mono">
                  {git.branch && `${git.branch} `}
                  {git.commit}
                  {git.dirty && ' with changes'}
                </span>,
              ] as const,
            ]
          : []),
        ...(fingerprint
          ? ([
              [
                'Rows',
                `${plural(fingerprint.tables, 'table')}, ${plural(fingerprint.rows, 'row')}`,
              ],
              [
                'Schema checksum',
                <code key="schema" className="mono">
                  {fingerprint.schemaChecksum}
                </code>,
              ],
            ] as const)
          : [
              [
                'Rows',
                'not counted: an interruption came between. `belay repair` counts them.',
              ] as const,
            ]),
        ...(protectedUntil ? [['Protected until', formatProtection(protectedUntil)] as const] : []),
        [
          'Id',
          <code key="id" className="mono">
            {snapshot.id}
          </code>,
        ],
      ]}
    />
  );
}

const methods = {
  reflink: 'blocks shared with its source',
  file_copy: 'copied as files',
  wal_log: 'copied through the log',
  rename: 'the database itself, renamed',
  archive: 'restored from its archive',
} as const;

function Copies({
  database,
  snapshot,
}: {
  readonly database: string;
  readonly snapshot: Snapshot;
}) {
  const archive = snapshot.copies.find((copy): copy is ArchiveCopy => copy.type === 'archive');
  return (
    <div className="stack">
      {snapshot.copies.map((copy) => (
        <div key={copy.type} className="card">
          <CopyFacts copy={copy} />
        </div>
      ))}
      {archive ? (
        <Drill database={database} snapshot={snapshot} />
      ) : (
        <Notice look="info" title="It lives on the database server only">
          <p>
            It is lost when that server is lost. “Back up now” makes a checkpoint with an archive
            that is kept elsewhere and proven.
          </p>
        </Notice>
      )}
    </div>
  );
}

function CopyFacts({ copy }: { readonly copy: SnapshotCopy }) {
  if (copy.type === 'clone') {
    return (
      <Facts
        facts={[
          ['Clone', <code key="clone">{copy.database}</code>],
          ['Made by', methods[copy.method]],
        ]}
      />
    );
  }
  const { drill, dataOf } = copy;
  return (
    <Facts
      facts={[
        ['Archive', <code key="archive">{copy.location}</code>],
        ['Size', <Bytes key="size" bytes={copy.sizeBytes} />],
        ['SHA-256', <code key="sha">{copy.sha256}</code>],
        ['Encrypted', copy.encrypted ? 'yes' : 'no'],
        ...(dataOf ? [['Rows of', dataOf.join(', ')] as const] : []),
        [
          'Proof',
          <span key="proof">
            <ProofBadge copies={[copy]} />{' '}
            {drill.at && (
              <>
                {formatTime(drill.at)} (<Time at={drill.at} />)
              </>
            )}
          </span>,
        ],
      ]}
    />
  );
}

/** Restores the archive elsewhere and compares, now. */
function Drill({ database, snapshot }: { readonly database: string; readonly snapshot: Snapshot }) {
  const work = useWork('drill');
  const forget = useForgetDatabase();
  const canDrill = useCan('checkpoint');
  if (!canDrill) return null;
  const begin = () => work.begin('/api/drills', { database, reference: snapshot.id });
  return (
    <div className="stack">
      {work.jobId !== undefined && (
        <div className="card">
          <JobProgress id={work.jobId} onOver={() => forget(database)}>
            {() => (
              <Notice look="ok" title="Proven">
                <p>The archive was restored elsewhere and is the same as its source was.</p>
              </Notice>
            )}
          </JobProgress>
        </div>
      )}
      {work.error && <ErrorState error={work.error} title="No drill was begun" />}
      <div>
        <Button onClick={begin} isBusy={work.isStarting}>
          Prove it now: restore the archive elsewhere and compare
        </Button>
      </div>
    </div>
  );
}
