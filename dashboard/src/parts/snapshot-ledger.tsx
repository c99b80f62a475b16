import { useQuery } from '@tanstack/react-query';
import type { LedgerEntry } from '../../../src/domain/ledger';
import type { Snapshot } from '../../../src/domain/snapshot';
import { type ApiError, call } from '../api';
import { formatTime } from '../format';
import { entryText } from '../timeline-items';
import { ErrorState, Loading } from './states';
import { Table } from './table';
import { Badge, Time } from './values';

interface Found {
  readonly entries: readonly LedgerEntry[];
  /** Entries that are older than these were not looked at. */
  readonly isCut: boolean;
}

const pageSize = 100;
const mostPages = 5;

type Wanted = Pick<Snapshot, 'id' | 'tag'>;

/** Also the restore that has kept it: what a restore replaces is named by its tag. */
const isAbout = ({ snapshot, details }: LedgerEntry, { id, tag }: Wanted): boolean =>
  snapshot?.id === id || details.previous === tag;

/** The entries about one snapshot, among the newest of the ledger. */
async function findEntries(database: string, wanted: Wanted, signal: AbortSignal): Promise<Found> {
  const entries: LedgerEntry[] = [];
  let cursor: string | null = null;
  for (let page = 0; page < mostPages; page += 1) {
    const query: Record<string, string | number | null> = { database, limit: pageSize, cursor };
    const answer: { entries: LedgerEntry[]; next: string | null } = await call(
      'GET',
      '/api/ledger',
      {
        query,
        signal,
      },
    );
    entries.push(...answer.entries.filter((entry) => isAbout(entry, wanted)));
    cursor = answer.next;
    if (cursor === null) return { entries, isCut: false };
  }
  return { entries, isCut: true };
}

/** Who did what with a snapshot, from the ledger. */
export function SnapshotLedger(props: { readonly database: string; readonly snapshot: Wanted }) {
  const { database, snapshot } = props;
  const found = useQuery<Found, ApiError>({
    queryKey: ['ledger', database, 'of', snapshot.id, snapshot.tag],
    queryFn: ({ signal }) => findEntries(database, snapshot, signal),
  });
  if (found.error) {
    return (
      <ErrorState
        error={found.error}
        title="The ledger could not be read"
        onRetry={() => void found.refetch()}
      />
    );
  }
  if (!found.data) return <Loading what="Looking into the ledger" />;
  if (found.data.entries.length === 0) {
    return <p className="muted">The ledger has nothing about it.</p>;
  }
  return (
    <div className="stack">
      <Table<LedgerEntry>
        caption={`Entries of the ledger about ${snapshot.tag}`}
        columns={[
          { title: 'What', cell: (entry) => entryText(entry), isName: true },
          { title: 'Who', cell: ({ actor }) => actor.onBehalfOf ?? actor.user },
          {
            title: 'When',
            cell: ({ at }) => (
              <span title={formatTime(at)}>
                <Time at={at} />
              </span>
            ),
          },
          {
            title: 'Outcome',
            cell: ({ outcome }) => (
              <Badge look={outcome === 'done' ? 'ok' : outcome === 'failed' ? 'danger' : 'warn'}>
                {outcome}
              </Badge>
            ),
          },
        ]}
        rows={found.data.entries}
        keyOf={({ number }) => String(number)}
      />
      {found.data.isCut && (
        <p className="muted">Only the newest {pageSize * mostPages} entries were looked at.</p>
      )}
    </div>
  );
}
