import { Link } from 'wouter';
import type { Snapshot } from '../../../src/domain/snapshot';
import { snapshotAddress, timelineAddress } from '../addresses';
import { formatDuration, plural } from '../format';
import { useDatabase } from '../queries';
import { useCan } from '../session';
import { Notice } from './states';
import { UndoPanel } from './undo-panel';
import { Facts } from './values';

/** What a restore, switch or undo ends with; `tables` where only some were restored. */
export interface RestoreResult {
  readonly snapshot: Snapshot;
  readonly database: string;
  readonly outageMs: number;
  readonly durationMs: number;
  readonly verified: boolean;
  readonly previous?: Snapshot | null;
  readonly tables?: readonly {
    readonly table: string;
    readonly restoredAs: string;
    readonly rows: number;
    readonly replaced: { readonly rows: number; readonly keptAs: string } | null;
  }[];
}

/** What happened, where the state before is kept, and the way back. */
export function RestoreDone(props: {
  /** Registered name. */
  readonly database: string;
  readonly result: RestoreResult;
  readonly isUndo?: boolean;
}) {
  const { database, result } = props;
  const { snapshot, previous, tables } = result;
  const canRestore = useCan('restore');
  return (
    <div className="stack">
      <Notice look="ok" title={titleOf(props)}>
        {result.verified && <p>Its schema, rows and sequences were compared: all the same.</p>}
      </Notice>
      <Facts
        facts={[
          [
            'State of',
            <Link key="of" href={snapshotAddress(database, snapshot.id)}>
              {snapshot.tag}
            </Link>,
          ],
          ['Took', formatDuration(result.durationMs)],
          ...(result.outageMs > 0
            ? [['Nobody could connect for', formatDuration(result.outageMs)] as const]
            : []),
          ...(previous
            ? [
                [
                  'What was there before',
                  <Link key="before" href={snapshotAddress(database, previous.id)}>
                    {previous.tag}
                  </Link>,
                ] as const,
              ]
            : []),
        ]}
      />
      {tables && <RestoredTables tables={tables} />}
      {!previous && !tables && <HowToConnect database={database} made={result.database} />}
      {previous && canRestore && <UndoPanel database={database} tag={previous.tag} />}
      <p>
        <Link href={timelineAddress(database)}>Go to the timeline</Link>
      </p>
    </div>
  );
}

function titleOf(props: Parameters<typeof RestoreDone>[0]): string {
  const { database, result } = props;
  const { snapshot, tables, previous } = result;
  if (props.isUndo) return `Undone: ${database} is back at ${snapshot.tag}`;
  if (tables) {
    return `${plural(tables.length, 'table')} of ${snapshot.tag} restored into ${database}`;
  }
  return previous
    ? `${database} is at ${snapshot.tag} now`
    : `${result.database} was created with the state of ${snapshot.tag}`;
}

function RestoredTables({ tables }: { readonly tables: NonNullable<RestoreResult['tables']> }) {
  return (
    <ul className="plain-list">
      {tables.map(({ table, restoredAs, rows, replaced }) => (
        <li key={table}>
          <strong>{table}</strong>: {plural(rows, 'row')}
          {restoredAs !== table && <> as {restoredAs}</>}
          {replaced && (
            <>
              ; its {plural(replaced.rows, 'row')} from before are kept in {replaced.keptAs}
            </>
          )}
        </li>
      ))}
    </ul>
  );
}

function HowToConnect(props: { readonly database: string; readonly made: string }) {
  const summary = useDatabase(props.database);
  return (
    <p>
      Connect to the database <strong>{props.made}</strong>
      {summary?.server && (
        <>
          {' '}
          on <strong>{summary.server}</strong>
        </>
      )}{' '}
      as you connect to {props.database}. It is yours: drop it when you are done with it.
    </p>
  );
}
