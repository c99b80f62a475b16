import type { RestorePreview } from '../../../src/contract/restore-preview';
import { formatCount, plural } from '../format';
import { Notice } from './states';
import { Table } from './table';
import { Time } from './values';

type Rows = RestorePreview['rowCounts'][number];
type Session = RestorePreview['sessions'][number];
type Change = RestorePreview['schema'][number];

/** What a restore would replace, who would notice, and what stands in its way. */
export function PreviewReport({ preview }: { readonly preview: RestorePreview }) {
  const { blockers, inPlace, snapshot, into, database } = preview;
  return (
    <div className="stack">
      {blockers.length > 0 && (
        <Notice look="danger" title="This stands in the way">
          <ul className="plain-list">
            {blockers.map((blocker) => (
              <li key={blocker}>{blocker}</li>
            ))}
          </ul>
        </Notice>
      )}
      {inPlace ? (
        <Replaced preview={preview} />
      ) : (
        <Notice look="info" title="Nothing is replaced">
          <p>
            A new database <strong>{into}</strong> is made with the state of {snapshot.tag}.{' '}
            {database} stays as it is.
          </p>
        </Notice>
      )}
    </div>
  );
}

function Replaced({ preview }: { readonly preview: RestorePreview }) {
  const { rowCounts, schema, notCounted, sessions, snapshot, tables, canBeUndone } = preview;
  const { schemaNotCompared } = preview;
  const isMeasured = notCounted === null && schemaNotCompared === null;
  const isSame = isMeasured && rowCounts.length === 0 && schema.length === 0;
  return (
    <>
      <p>
        {tables ? plural(tables.length, 'table') : `The whole database ${preview.into}`} goes back
        to <strong>{snapshot.tag}</strong>, taken <Time at={snapshot.createdAt} />.{' '}
        {canBeUndone
          ? 'What is there now is kept, and Undo brings it back.'
          : tables
            ? 'What is there now is kept in a schema beside.'
            : 'This cannot be undone.'}
      </p>
      {isSame && (
        <Notice look="info" title="Nothing has changed since">
          <p>Schema and row counts are the same as in the snapshot.</p>
        </Notice>
      )}
      {rowCounts.length > 0 && <RowCounts rows={rowCounts} tag={snapshot.tag} />}
      {notCounted && (
        <Notice look="warn" title="Rows were not counted">
          <p>{notCounted}</p>
        </Notice>
      )}
      {schemaNotCompared && (
        <Notice look="warn" title="The schema was not compared">
          <p>{schemaNotCompared}</p>
        </Notice>
      )}
      {schema.length > 0 && <SchemaChanges changes={schema} />}
      <Sessions sessions={sessions} database={preview.into} isWhole={tables === null} />
    </>
  );
}

function RowCounts({ rows, tag }: { readonly rows: readonly Rows[]; readonly tag: string }) {
  return (
    <div className="stack">
      <h3>Rows that differ</h3>
      <Table<Rows>
        caption="Rows that differ between the snapshot and now"
        columns={[
          { title: 'Table', cell: ({ table }) => table, isName: true },
          { title: 'Now', cell: ({ live }) => countOf(live), isNumber: true },
          { title: tag, cell: ({ snapshot }) => countOf(snapshot), isNumber: true },
          { title: 'What the restore does', cell: (row) => effectOf(row) },
        ]}
        rows={rows}
        keyOf={({ table }) => table}
      />
    </div>
  );
}

const countOf = (count: number | null): string =>
  count === null ? 'no table' : formatCount(count);

function effectOf({ snapshot, live }: Rows): string {
  if (live === null) return 'brings the table back';
  if (snapshot === null) return `takes the table away, with ${plural(live, 'row')}`;
  const more = live - snapshot;
  if (more > 0) return `takes ${plural(more, 'row')} away`;
  return more < 0 ? `brings ${plural(-more, 'row')} back` : 'changes rows';
}

const changeWords = { added: 'goes', removed: 'comes back', changed: 'is changed back' } as const;

function SchemaChanges({ changes }: { readonly changes: readonly Change[] }) {
  return (
    <div className="stack">
      <h3>Schema that differs</h3>
      <Table<Change>
        caption="Schema that differs between the snapshot and now"
        columns={[
          { title: 'Object', cell: ({ name }) => name, isName: true },
          { title: 'Kind', cell: ({ object }) => object },
          { title: 'What the restore does', cell: ({ kind }) => changeWords[kind] },
          { title: 'Since the snapshot', cell: ({ kind, detail }) => `${kind}: ${detail}` },
        ]}
        rows={changes}
        keyOf={({ kind, object, name }) => `${kind} ${object} ${name}`}
      />
    </div>
  );
}

function Sessions(props: {
  readonly sessions: readonly Session[];
  readonly database: string;
  readonly isWhole: boolean;
}) {
  const { sessions } = props;
  if (sessions.length === 0) return <p>Nobody is connected to {props.database}.</p>;
  return (
    <div className="stack">
      <h3>Who is connected</h3>
      {props.isWhole && (
        <p>
          {plural(sessions.length, 'session')} would be disconnected at the moment of the change,
          and can connect again at once.
        </p>
      )}
      <Table<Session>
        caption={`Sessions in ${props.database}`}
        columns={[
          { title: 'User', cell: ({ user }) => user ?? 'unknown', isName: true },
          { title: 'Program', cell: ({ application }) => application || 'unknown' },
          { title: 'From', cell: ({ client }) => client ?? 'this machine' },
          { title: 'State', cell: ({ state }) => state ?? 'unknown' },
          { title: 'Since', cell: ({ since }) => (since ? <Time at={since} /> : '') },
        ]}
        rows={sessions}
        keyOf={({ pid }) => String(pid)}
      />
    </div>
  );
}
