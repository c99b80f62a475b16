import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { restoreAddress, snapshotAddress } from '../addresses';
import { formatClock, formatDay, formatTime, plural } from '../format';
import type { ListedSnapshot } from '../queries';
import { useCan } from '../session';
import type { TimelineEvent, TimelineItem } from '../timeline-items';
import { ButtonLink } from './button';
import { Icon, type IconName } from './icon';
import { SnapshotBadges } from './snapshot-badges';
import { Badge, Bytes } from './values';

/** What happened, newest first, on one axis with its days. */
export function TimelineList(props: {
  readonly database: string;
  readonly items: readonly TimelineItem[];
  /** Id of the snapshot that the live database is based on. */
  readonly baseId: string | undefined;
}) {
  return (
    <div className="timeline">
      {byDay(props.items).map(([day, items]) => (
        <section key={day} aria-label={day} className="timeline-day">
          <h2>{day}</h2>
          <ol>
            {items.map((item) =>
              item.type === 'snapshot' ? (
                <SnapshotLine
                  key={item.snapshot.id}
                  database={props.database}
                  snapshot={item.snapshot}
                  isBase={item.snapshot.id === props.baseId}
                />
              ) : (
                <EventLine key={item.key} database={props.database} event={item} />
              ),
            )}
          </ol>
        </section>
      ))}
    </div>
  );
}

/** The items of each day of this device's time zone, in their order. */
function byDay(items: readonly TimelineItem[]): readonly (readonly [string, TimelineItem[]])[] {
  const days = new Map<string, TimelineItem[]>();
  for (const item of items) {
    const day = formatDay(item.at);
    days.set(day, [...(days.get(day) ?? []), item]);
  }
  return [...days];
}

function Line(props: {
  readonly icon: IconName;
  readonly at: string;
  readonly look: string;
  readonly children: ReactNode;
}) {
  return (
    <li className={`timeline-line timeline-${props.look}`}>
      <time dateTime={props.at} title={formatTime(props.at)} className="timeline-time">
        {formatClock(props.at)}
      </time>
      <span className="timeline-mark">
        <Icon name={props.icon} />
      </span>
      <div className="timeline-body">{props.children}</div>
    </li>
  );
}

function SnapshotLine(props: {
  readonly database: string;
  readonly snapshot: ListedSnapshot;
  readonly isBase: boolean;
}) {
  const { database, snapshot, isBase } = props;
  const canRestore = useCan('restore');
  const { id, tag, description, createdAt, git, fingerprint, sizeBytes, reason } = snapshot;
  const isProven = snapshot.copies.some(
    (copy) => copy.type === 'archive' && copy.drill.status === 'proven',
  );
  const isQuiet = reason === 'before-restore' && !isProven;
  return (
    <Line
      icon={isProven ? 'proven' : 'snapshot'}
      at={createdAt}
      look={isProven ? 'proven' : isQuiet ? 'quiet' : 'snapshot'}
    >
      <article className="card snapshot-card" aria-label={`Snapshot ${tag}`}>
        <div className="snapshot-text">
          <div className="row">
            <h3>
              <Link href={snapshotAddress(database, id)}>{tag}</Link>
            </h3>
            <SnapshotBadges snapshot={snapshot} isBase={isBase} />
          </div>
          {description && <p>{description}</p>}
          <p className="snapshot-facts">
            {fingerprint && (
              <span>
                {plural(fingerprint.tables, 'table')}, {plural(fingerprint.rows, 'row')}
              </span>
            )}
            <Bytes bytes={sizeBytes} />
            {git && (
              <span className="mono">
                {git.branch && `${git.branch} `}
                {git.commit.slice(0, 8)}
                {git.dirty && ' + changes'}
              </span>
            )}
          </p>
        </div>
        {canRestore && (
          <ButtonLink href={restoreAddress(database, id)} label={`Restore ${tag}`}>
            Restore
          </ButtonLink>
        )}
      </article>
    </Line>
  );
}

function EventLine(props: { readonly database: string; readonly event: TimelineEvent }) {
  const { kind, at, text, outcome, who } = props.event;
  return (
    <Line icon={kind === 'snapshots' ? 'snapshot' : kind} at={at} look="event">
      <p>
        {text}{' '}
        {outcome !== 'done' && (
          <Badge look={outcome === 'failed' ? 'danger' : 'warn'}>{outcome}</Badge>
        )}{' '}
        {who && <span className="muted">by {who}</span>}
      </p>
    </Line>
  );
}
