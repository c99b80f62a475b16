import type { SnapshotReason } from '../../../src/domain/snapshot';
import { formatTime } from '../format';
import type { ListedSnapshot } from '../queries';
import { Badge } from './values';

type Shown = Pick<ListedSnapshot, 'copies' | 'reason' | 'protectedUntil'>;

const reasons: Readonly<Record<SnapshotReason, string | null>> = {
  manual: null,
  auto: 'taken by itself',
  'before-restore': 'kept by a restore',
  'before-migration': 'checkpoint',
  schedule: 'scheduled',
};

/** What an archive is worth, in words. */
export function ProofBadge({ copies }: Pick<ListedSnapshot, 'copies'>) {
  const archive = copies.find((copy) => copy.type === 'archive');
  if (archive?.type !== 'archive') return null;
  const { status, at } = archive.drill;
  if (status === 'proven') {
    return (
      <Badge look="ok" title={at === null ? undefined : `Restored and compared ${formatTime(at)}`}>
        proven
      </Badge>
    );
  }
  return status === 'failed' ? (
    <Badge look="danger" title="Its archive did not restore to the same">
      drill failed
    </Badge>
  ) : (
    <Badge look="warn" title="Nobody knows yet whether its archive restores">
      not proven yet
    </Badge>
  );
}

/** The marks of a snapshot: proof, why it was taken, protection, and whether the live database is based on it. */
export function SnapshotBadges(props: { readonly snapshot: Shown; readonly isBase?: boolean }) {
  const { copies, reason, protectedUntil } = props.snapshot;
  const why = reasons[reason];
  const isProtected = protectedUntil !== null && Date.parse(protectedUntil) > Date.now();
  return (
    <>
      {props.isBase && <Badge look="info">the database is based on this</Badge>}
      <ProofBadge copies={copies} />
      {isProtected && <Badge title={`Until ${formatProtection(protectedUntil)}`}>protected</Badge>}
      {why && <Badge>{why}</Badge>}
    </>
  );
}

/** "for ever", or the time until when. */
export function formatProtection(until: string): string {
  return until.startsWith('9999') ? 'somebody ends it' : formatTime(until);
}
