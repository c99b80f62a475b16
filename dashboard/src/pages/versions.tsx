import { useQuery } from '@tanstack/react-query';
import { Link, useParams, useSearchParams } from 'wouter';
import type { VersionNode } from '../../../src/domain/version-graph';
import { timelineAddress } from '../addresses';
import type { Versions } from '../answers';
import { type ApiError, call } from '../api';
import { formatCount } from '../format';
import { LookProblem } from '../parts/look-problem';
import { Page, Section } from '../parts/page';
import { RollbackPart } from '../parts/rollback-part';
import { EmptyState, ErrorState, Loading } from '../parts/states';
import { Table } from '../parts/table';
import { Badge, Facts, Time } from '../parts/values';
import { VersionGraph } from '../parts/version-graph';
import '../styles/reports.css';

/** The version before the first migration. */
const base = '0';

/** The recorded versions of a schema as a graph and as a list, and the way back to one of them. */
export function VersionsPage() {
  const { database = '' } = useParams<{ database: string }>();
  const versions = useQuery<Versions, ApiError>({
    queryKey: ['versions', database],
    queryFn: ({ signal }) => call('GET', '/api/versions', { query: { database }, signal }),
    refetchInterval: 10_000,
  });
  const { data, error } = versions;
  return (
    <Page
      title={`Versions of ${database}`}
      above={<Link href={timelineAddress(database)}>{database}</Link>}
      lead="Every recorded version of the schema, and how each was reached from others."
    >
      <div className="stack">
        {versions.isPending && <Loading what="Reading the versions" />}
        {error && (
          <ErrorState
            error={error}
            title="The versions could not be read"
            onRetry={() => void versions.refetch()}
          />
        )}
        <LookProblem problem={data?.problem} />
        {data?.versions.length === 0 && (
          <EmptyState title="No version is recorded yet.">
            <p>
              Belay records one with every migration that it applies, and with the command{' '}
              <code>belay schema snapshot</code>.
            </p>
          </EmptyState>
        )}
        {data && data.versions.length > 0 && <Graph database={database} data={data} />}
      </div>
    </Page>
  );
}

function Graph({ database, data }: { readonly database: string; readonly data: Versions }) {
  const [search] = useSearchParams();
  const selected = search.get('version') ?? data.current ?? undefined;
  const node = data.versions.find(({ id }) => id === selected);
  const current = data.versions.find(({ isCurrent }) => isCurrent);
  const addressOf = (id: string) =>
    `/db/${encodeURIComponent(database)}/versions?version=${encodeURIComponent(id)}`;
  return (
    <>
      <VersionGraph versions={data.versions} selected={selected} addressOf={addressOf} />
      {selected === base && <BaseFacts />}
      {node && <VersionFacts node={node} />}
      {selected !== undefined && (
        <RollbackPart
          key={selected}
          database={database}
          version={selected}
          current={current}
          isBehind={isBehind(selected, node, current)}
        />
      )}
      <Section title="The same as a list">
        <div className="stack">
          <VersionList versions={data.versions} addressOf={addressOf} />
          {current && current.applied.length > 0 && (
            <p>
              <Link href={addressOf(base)}>Before the first migration (version 0)</Link>
            </p>
          )}
        </div>
      </Section>
    </>
  );
}

/** Whether the current version was reached by way of another. */
function isBehind(
  selected: string,
  node: VersionNode | undefined,
  current: VersionNode | undefined,
): boolean {
  if (!current || node?.isCurrent) return false;
  if (selected === base) return current.applied.length > 0;
  return node !== undefined && current.applied.includes(node.version);
}

function BaseFacts() {
  return (
    <Section title="Version 0">
      <div className="stack">
        <p>The schema before the first migration.</p>
      </div>
    </Section>
  );
}

function VersionFacts({ node }: { readonly node: VersionNode }) {
  const { id, name, tool, checksum, partial, applied, parents, reached, at, lastAt } = node;
  return (
    <Section title={`Version ${id}`}>
      <div className="stack">
        <Facts
          facts={[
            ['Name', name || '—'],
            ['State', <Marks key="marks" node={node} />],
            ['Recorded', at ? <Time key="at" at={at} /> : 'never; another tool went past it'],
            ...(reached > 1 && lastAt
              ? [
                  [
                    'Reached',
                    <>
                      {formatCount(reached)} times, last <Time at={lastAt} />
                    </>,
                  ] as const,
                ]
              : []),
            ['By', tool],
            [
              'Follows',
              parents.length === 0 ? 'the state before the first migration' : parents.join(', '),
            ],
            ['Migrations in force', formatCount(applied.length)],
            ['Checksum', checksum ? <code key="sum">{checksum}</code> : 'not known'],
            ...(partial
              ? [['Note', 'The schema has objects that Belay does not model.'] as const]
              : []),
          ]}
        />
      </div>
    </Section>
  );
}

function Marks({ node }: { readonly node: VersionNode }) {
  if (!node.isCurrent && !node.isHead) return <>an earlier version</>;
  return (
    <>
      {node.isCurrent && <Badge look="ok">current</Badge>}{' '}
      {node.isHead && <Badge look="info">head</Badge>}
    </>
  );
}

function VersionList(props: {
  readonly versions: readonly VersionNode[];
  readonly addressOf: (id: string) => string;
}) {
  return (
    <Table
      caption="Versions, each after those that it follows"
      rows={props.versions}
      keyOf={({ id }) => id}
      columns={[
        {
          title: 'Version',
          isName: true,
          cell: ({ id }) => <Link href={props.addressOf(id)}>{id}</Link>,
        },
        { title: 'Name', cell: ({ name }) => name || '—' },
        { title: 'State', cell: (node) => <Marks node={node} /> },
        { title: 'Follows', cell: ({ parents }) => parents.join(', ') || '—' },
        { title: 'Recorded', cell: ({ at }) => (at ? <Time at={at} /> : 'never') },
        { title: 'Checksum', cell: ({ checksum }) => <code>{checksum?.slice(0, 12) ?? '—'}</code> },
      ]}
    />
  );
}
