import { Link } from 'wouter';
import { backUpAddress, createSnapshotAddress, timelineAddress } from '../addresses';
import { plural } from '../format';
import { ButtonLink } from '../parts/button';
import { Page } from '../parts/page';
import { EmptyState, ErrorState, Loading, Notice } from '../parts/states';
import { Badge, Bytes, Facts, Time } from '../parts/values';
import { type DatabaseStatus, type DatabaseSummary, useDatabases } from '../queries';
import { useCan } from '../session';

/** All registered databases, each with how well it is secured. */
export function DatabasesPage() {
  const databases = useDatabases();
  const canAdd = useCan('admin');
  return (
    <Page
      title="Databases"
      actions={canAdd && <ButtonLink href="/databases/add">Add a database</ButtonLink>}
    >
      {databases.data ? (
        <Cards databases={databases.data} canAdd={canAdd} />
      ) : databases.error ? (
        <ErrorState
          error={databases.error}
          title="The databases could not be read"
          onRetry={() => void databases.refetch()}
        />
      ) : (
        <Loading what="Looking at the databases" />
      )}
    </Page>
  );
}

function Cards(props: {
  readonly databases: readonly DatabaseSummary[];
  readonly canAdd: boolean;
}) {
  if (props.databases.length === 0) return <NoDatabase canAdd={props.canAdd} />;
  return (
    <ul className="cards">
      {props.databases.map((database) => (
        <li key={database.name} className="card database-card">
          <DatabaseCard database={database} />
        </li>
      ))}
    </ul>
  );
}

function NoDatabase({ canAdd }: { readonly canAdd: boolean }) {
  return (
    <EmptyState
      title="No database is registered yet"
      action={
        canAdd && (
          <ButtonLink href="/databases/add" look="primary">
            Add a database
          </ButtonLink>
        )
      }
    >
      <p>
        {canAdd
          ? 'Add one here, or start'
          : 'Ask somebody with the scope admin to add one, or start'}{' '}
        the server with its URL:
      </p>
      <pre>belay serve --url postgres://USER@HOST:5432/DATABASE</pre>
    </EmptyState>
  );
}

function DatabaseCard({ database }: { readonly database: DatabaseSummary }) {
  const { name, status } = database;
  const canBackUp = useCan('checkpoint');
  return (
    <>
      <div className="database-head">
        <h2>
          <Link href={timelineAddress(name)}>{name}</Link>
        </h2>
        {database.environment === 'production' && <Badge look="warn">production</Badge>}
        {database.kind === 'agent' && (
          <Badge title="Only an agent beside the database reaches it">agent</Badge>
        )}
      </div>
      {status && <Problem database={database} status={status} />}
      {status ? (
        <StatusFacts database={database} status={status} />
      ) : (
        <p className="muted">Your token may not read what is known of it.</p>
      )}
      {canBackUp && (
        <div className="row">
          <ButtonLink href={backUpAddress(name)} look="primary" label={`Back up ${name} now`}>
            Back up now
          </ButtonLink>
          <ButtonLink href={createSnapshotAddress(name)} label={`Create snapshot of ${name}`}>
            Create snapshot
          </ButtonLink>
        </div>
      )}
    </>
  );
}

function Problem(props: { readonly database: DatabaseSummary; readonly status: DatabaseStatus }) {
  const { problem, reachable } = props.status;
  if (problem) {
    return (
      <Notice look="danger" title={reachable ? 'Something is wrong' : 'It is out of reach'}>
        <p>{problem.message}</p>
        {problem.hint && <p>{problem.hint}</p>}
        <p className="notice-code">
          <code>{problem.code}</code>
        </p>
      </Notice>
    );
  }
  if (props.database.kind === 'agent' && props.database.agentSeenAt === null) {
    return (
      <Notice look="warn" title="Its agent was never heard">
        <p>Start it beside the database, with an agent’s token:</p>
        <pre>
          belay agent --server {window.location.origin} --database {props.database.name}
        </pre>
      </Notice>
    );
  }
  return null;
}

function StatusFacts(props: {
  readonly database: DatabaseSummary;
  readonly status: DatabaseStatus;
}) {
  const { database, status } = props;
  return (
    <Facts
      facts={[
        ['Last proven checkpoint', <Proven key="proven" status={status} />],
        [
          'Newest snapshot',
          status.newest ? (
            <>
              {status.newest.tag}, <Time at={status.newest.createdAt} />
            </>
          ) : (
            'none yet'
          ),
        ],
        ['Snapshots', plural(status.snapshots, 'snapshot')],
        ...(status.basedOn ? [['Based on', status.basedOn.tag] as const] : []),
        ...(status.sizeBytes === null
          ? []
          : [['Size', <Bytes key="size" bytes={status.sizeBytes} />] as const]),
        ...(database.server
          ? [['Server', `${database.server} · ${database.database ?? ''}`] as const]
          : []),
        ...(database.agentSeenAt
          ? [['Agent heard', <Time key="agent" at={database.agentSeenAt} />] as const]
          : []),
      ]}
    />
  );
}

const dayMs = 86_400_000;

/** How old the proof is; older than a day is said, because then a loss would cost more than a day's work. */
function Proven({ status }: { readonly status: DatabaseStatus }) {
  const { lastProven } = status;
  if (!lastProven) return <Badge look="warn">none yet: back it up</Badge>;
  const isOld = Date.now() - Date.parse(lastProven.at) > dayMs;
  return (
    <>
      <Badge look={isOld ? 'warn' : 'ok'}>
        <Time at={lastProven.at} />
      </Badge>{' '}
      {lastProven.tag}
    </>
  );
}
