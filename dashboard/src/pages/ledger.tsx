import { useId, useState } from 'react';
import { Link, useParams, useSearchParams } from 'wouter';
import type { LedgerEntry } from '../../../src/domain/ledger';
import { timelineAddress } from '../addresses';
import type { LedgerVerification } from '../answers';
import { formatCount, plural } from '../format';
import { Button } from '../parts/button';
import { JobProgress } from '../parts/job-progress';
import { entryMatches, whoDid } from '../parts/ledger-words';
import { ListFrame, useList } from '../parts/list';
import { Page, Section } from '../parts/page';
import { CopyField } from '../parts/secret-once';
import { EmptyState, ErrorState, Notice } from '../parts/states';
import { Table } from '../parts/table';
import { Badge, Time } from '../parts/values';
import { useWork } from '../use-work';
import '../styles/reports.css';

/** What was done to a database, by whom; and the proof that the record is whole. */
export function LedgerPage() {
  const { database = '' } = useParams<{ database: string }>();
  return (
    <Page
      title={`Ledger of ${database}`}
      above={<Link href={timelineAddress(database)}>{database}</Link>}
      lead="Everything that Belay did to it, and who asked for it. Entries are chained: one that was changed or removed shows."
    >
      <div className="stack">
        <Verification database={database} />
        <Entries database={database} />
      </div>
    </Page>
  );
}

function Verification({ database }: { readonly database: string }) {
  const work = useWork('verification');
  const verify = () => void work.begin('/api/ledger/verify', { database });
  return (
    <Section title="Is it whole?">
      <div className="stack">
        <p>
          <Button onClick={verify} isBusy={work.isStarting}>
            Verify the ledger
          </Button>
        </p>
        {work.error && <ErrorState error={work.error} title="The verification was not begun" />}
        {work.jobId && (
          <JobProgress key={work.jobId} id={work.jobId}>
            {(job) => <VerificationReport verification={job.result as LedgerVerification} />}
          </JobProgress>
        )}
      </div>
    </Section>
  );
}

/** What a verification has found, with the head to note elsewhere. */
export function VerificationReport(props: { readonly verification: LedgerVerification }) {
  const { ok, entries, manifests, head, broken } = props.verification;
  return (
    <>
      <Notice
        look={ok ? 'ok' : 'danger'}
        title={ok ? 'The ledger is whole' : 'The ledger is not whole'}
      >
        <p>
          {plural(entries, 'entry', 'entries')} and {plural(manifests, 'archive')} agree
          {ok ? '.' : `, but for ${plural(broken.length, 'finding')}.`} The ledger is that of the
          whole store, which other databases may share.
        </p>
        {broken.length > 0 && (
          <ul className="notes">
            {broken.map(({ number, why }) => (
              <li key={`${number} ${why}`}>
                {number === null ? '' : `Entry ${formatCount(number)}: `}
                {why}
              </li>
            ))}
          </ul>
        )}
      </Notice>
      {head && (
        <CopyField
          label={`Head of the ledger (entry ${formatCount(head.number)})`}
          text={head.sha256}
          hint="Keep it somewhere else, such as a build log: a ledger that was cut off later does not have it any more."
        />
      )}
    </>
  );
}

const outcomeLooks = { done: 'ok', failed: 'danger', refused: 'warn' } as const;

function Entries({ database }: { readonly database: string }) {
  const id = useId();
  const [search, setSearch] = useSearchParams();
  const [text, setText] = useState(search.get('q') ?? '');
  const list = useList<LedgerEntry>({
    key: ['ledger', database],
    path: '/api/ledger',
    field: 'entries',
    query: { database, limit: 100 },
  });
  const find = (sought: string) => {
    setText(sought);
    setSearch(
      (known) => {
        const next = new URLSearchParams(known);
        if (sought === '') next.delete('q');
        else next.set('q', sought);
        return next;
      },
      { replace: true },
    );
  };
  const found = (list.items ?? []).filter((entry) => entryMatches(entry, text));
  return (
    <Section title="Entries">
      <div className="stack">
        <div className="search-line">
          <label htmlFor={id}>Search action, tag, who or details</label>
          <input
            id={id}
            type="search"
            value={text}
            onChange={(event) => find(event.target.value)}
          />
          <p role="status" className="field-hint">
            {text !== '' &&
              list.items &&
              `${plural(found.length, 'entry', 'entries')} of the ${formatCount(list.items.length)} that are shown${list.hasMore ? '; there are older ones' : ''}`}
          </p>
        </div>
        <ListFrame
          list={list}
          failure="The ledger could not be read"
          empty={
            <EmptyState title="The ledger has no entry of this database yet.">
              <p>Each snapshot, checkpoint, restore and deletion leaves one.</p>
            </EmptyState>
          }
        >
          {() => <EntryTable entries={found} />}
        </ListFrame>
      </div>
    </Section>
  );
}

function EntryTable({ entries }: { readonly entries: readonly LedgerEntry[] }) {
  return (
    <Table
      caption="Entries of the ledger, newest first"
      rows={entries}
      keyOf={({ number }) => String(number)}
      columns={[
        { title: 'No.', isNumber: true, cell: ({ number }) => formatCount(number) },
        {
          title: 'What',
          isName: true,
          cell: ({ action, outcome }) => (
            <>
              {action} <Badge look={outcomeLooks[outcome]}>{outcome}</Badge>
            </>
          ),
        },
        { title: 'Snapshot', cell: ({ snapshot }) => snapshot?.tag ?? '—' },
        { title: 'When', cell: ({ at }) => <Time at={at} /> },
        { title: 'Who', cell: (entry) => whoDid(entry) },
        {
          title: 'Rows',
          isNumber: true,
          cell: ({ rows }) => (rows === null ? '—' : formatCount(rows)),
        },
        { title: 'Details', cell: (entry) => <Details entry={entry} /> },
      ]}
    />
  );
}

function Details({ entry }: { readonly entry: LedgerEntry }) {
  const { details, previous, actor } = entry;
  return (
    <details>
      <summary>
        Show<span className="visually-hidden"> details of entry {entry.number}</span>
      </summary>
      <pre className="details-text">
        {JSON.stringify({ ...details, belay: actor.version, previous }, null, 2)}
      </pre>
    </details>
  );
}
