import { useEffect, useRef, useState } from 'react';
import { Link, useParams, useSearchParams } from 'wouter';
import { backUpAddress, createSnapshotAddress, snapshotAddress, undoAddress } from '../addresses';
import { announce } from '../announce';
import { ApiError } from '../api';
import { plural } from '../format';
import { Button, ButtonLink } from '../parts/button';
import { Choice, Choices, Field, Form } from '../parts/form';
import { Icon } from '../parts/icon';
import { Page } from '../parts/page';
import { EmptyState, ErrorState, Loading, Notice } from '../parts/states';
import { TimelineList } from '../parts/timeline-list';
import { Badge, Time } from '../parts/values';
import { type Looked, useDatabase } from '../queries';
import { useCan } from '../session';
import { kindOfItem, type TimelineKind, timelineKinds } from '../timeline-items';
import { useTimeline } from '../use-timeline';

const allKinds = Object.keys(timelineKinds) as readonly TimelineKind[];

/** Everything that happened to a database, on one axis, with its snapshots to go back to. */
export function TimelinePage() {
  const { database = '' } = useParams();
  const summary = useDatabase(database);
  const canRead = useCan('read');
  const canBackUp = useCan('checkpoint');
  return (
    <Page
      title={database}
      above={<Link href="/">Databases</Link>}
      actions={
        canBackUp && (
          <>
            <ButtonLink href={backUpAddress(database)}>Back up now</ButtonLink>
            <ButtonLink href={createSnapshotAddress(database)} look="primary">
              Create snapshot
            </ButtonLink>
          </>
        )
      }
    >
      {summary === null ? (
        <EmptyState title={`There is no database ${database} here`}>
          <p>
            It is not registered, or you are not allowed to see it.{' '}
            <Link href="/">Go to the databases</Link>.
          </p>
        </EmptyState>
      ) : canRead ? (
        <Timeline database={database} isProduction={summary?.environment === 'production'} />
      ) : (
        <Notice look="info" title="You may back it up, but not look at it">
          <p>To see its timeline, sign in with the scope read.</p>
        </Notice>
      )}
    </Page>
  );
}

function Timeline(props: { readonly database: string; readonly isProduction: boolean }) {
  const { database } = props;
  const { words, kinds, setWords, setKinds } = useFilter();
  const timeline = useTimeline(database, words);
  const items = timeline.items.filter((item) => kinds.includes(kindOfItem(item)));
  const isFiltered = words !== '' || kinds.length < allKinds.length;
  const isReady = !timeline.isLoading && !timeline.isStale;
  const found = words === '' ? '' : `${plural(items.length, 'thing')} found for ${words}`;
  useEffect(() => {
    if (isReady && found) announce(found);
  }, [isReady, found]);
  return (
    <div className="stack">
      <Now {...props} looked={timeline.inventory} />
      <Filter words={words} kinds={kinds} onWords={setWords} onKinds={setKinds} />
      {timeline.error && items.length === 0 ? (
        <ErrorState
          error={timeline.error}
          title="The timeline could not be read"
          onRetry={timeline.again}
        />
      ) : timeline.isLoading ? (
        <Loading what="Looking at the timeline" />
      ) : items.length > 0 ? (
        <TimelineList database={database} items={items} baseId={timeline.inventory?.basedOn?.id} />
      ) : (
        <NothingFound {...{ database, isFiltered, hasOlder: timeline.hasOlder }} />
      )}
      {timeline.ledgerError instanceof ApiError && (
        <ErrorState
          error={timeline.ledgerError}
          title="Restores, migrations and deletions are missing here: the ledger could not be read"
          onRetry={timeline.again}
        />
      )}
      {timeline.hasOlder && (
        <Older isBusy={timeline.isLoadingOlder} onWanted={timeline.loadOlder} />
      )}
    </div>
  );
}

/** The filter stands in the address, so that it can be sent and comes back with the back button. */
function useFilter() {
  const [search, setSearch] = useSearchParams();
  const shown = search.get('show')?.split(',');
  const put = (name: string, value: string) =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before);
        if (value === '') next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  return {
    words: search.get('q') ?? '',
    kinds: shown ? allKinds.filter((kind) => shown.includes(kind)) : allKinds,
    setWords: (words: string) => put('q', words),
    setKinds: (kinds: readonly TimelineKind[]) =>
      put('show', kinds.length === allKinds.length ? '' : kinds.join(',') || 'none'),
  };
}

/** How the live database stands, and the way back from its last restore. */
function Now(props: {
  readonly database: string;
  readonly isProduction: boolean;
  readonly looked: Looked | undefined;
}) {
  const { database, looked } = props;
  const canRestore = useCan('restore');
  if (!looked) return null;
  const { problem, basedOn, undo } = looked;
  return (
    <>
      {problem && (
        <Notice look="danger" title="The last look at this database failed">
          <p>{problem.message}</p>
          {problem.hint && <p>{problem.hint}</p>}
          <p>
            What is shown here is from <Time at={looked.at} />.
          </p>
        </Notice>
      )}
      <div className="card now">
        <Icon name="live" />
        <p>
          <strong>Now:</strong>{' '}
          {basedOn ? (
            <>
              based on <Link href={snapshotAddress(database, basedOn.id)}>{basedOn.tag}</Link>,{' '}
              <Time at={basedOn.since} />
            </>
          ) : (
            'its own state; no snapshot inside the server was taken or restored yet'
          )}{' '}
          {props.isProduction && <Badge look="warn">production</Badge>}
        </p>
        {undo && canRestore && (
          <ButtonLink href={undoAddress(database)}>Undo the last restore</ButtonLink>
        )}
      </div>
    </>
  );
}

function Filter(props: {
  readonly words: string;
  readonly kinds: readonly TimelineKind[];
  readonly onWords: (words: string) => void;
  readonly onKinds: (kinds: readonly TimelineKind[]) => void;
}) {
  const [text, setText] = useState(props.words);
  const { onWords } = props;
  const latest = useRef(onWords);
  latest.current = onWords;
  useEffect(() => {
    if (text.trim() === props.words) return;
    // Not a question to the server for each letter.
    const timer = setTimeout(() => latest.current(text.trim()), 250);
    return () => clearTimeout(timer);
  }, [text, props.words]);
  const toggle = (kind: TimelineKind, isShown: boolean) =>
    props.onKinds(allKinds.filter((one) => (one === kind ? isShown : props.kinds.includes(one))));
  return (
    <search className="filter">
      <Form label="Search the timeline" onSubmit={() => onWords(text.trim())}>
        <Field label="Search by tag, description, commit or git branch">
          {(control) => (
            <input
              {...control}
              type="search"
              value={text}
              maxLength={200}
              onChange={(event) => setText(event.target.value)}
            />
          )}
        </Field>
      </Form>
      <Choices legend="Show">
        <div className="filter-kinds">
          {allKinds.map((kind) => (
            <Choice
              key={kind}
              type="checkbox"
              label={timelineKinds[kind]}
              isChecked={props.kinds.includes(kind)}
              onChange={(isShown) => toggle(kind, isShown)}
            />
          ))}
        </div>
      </Choices>
    </search>
  );
}

function NothingFound(props: {
  readonly database: string;
  readonly isFiltered: boolean;
  readonly hasOlder: boolean;
}) {
  const canBackUp = useCan('checkpoint');
  if (props.hasOlder) return <p className="muted">Nothing in this part of the timeline.</p>;
  if (props.isFiltered) {
    return (
      <EmptyState title="Nothing matches">
        <p>Search for fewer letters, or show more kinds of things.</p>
      </EmptyState>
    );
  }
  return (
    <EmptyState
      title="Nothing has happened here yet"
      action={
        canBackUp && (
          <ButtonLink href={createSnapshotAddress(props.database)} look="primary">
            Create the first snapshot
          </ButtonLink>
        )
      }
    >
      <p>A snapshot keeps the database as it is now, so that you can come back to it.</p>
    </EmptyState>
  );
}

/** Brings older things when it comes into view, or when it is pressed. */
function Older(props: { readonly isBusy: boolean; readonly onWanted: () => void }) {
  const place = useRef<HTMLDivElement>(null);
  const wanted = useRef(props.onWanted);
  wanted.current = props.onWanted;
  const { isBusy } = props;
  useEffect(() => {
    const element = place.current;
    if (!element || isBusy) return;
    const watcher = new IntersectionObserver(([seen]) => {
      if (seen?.isIntersecting) wanted.current();
    });
    watcher.observe(element);
    return () => watcher.disconnect();
  }, [isBusy]);
  return (
    <div ref={place}>
      <Button onClick={props.onWanted} isBusy={isBusy}>
        {isBusy ? 'Loading older' : 'Show older'}
      </Button>
    </div>
  );
}
