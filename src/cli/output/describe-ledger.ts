import type { GatedRun, LedgerEntry, LedgerPage, LedgerVerification } from '../../index.js';
import { describeCheckpoint } from './describe-checkpoint.js';
import { describeRehearsal } from './describe-rehearsal.js';
import { formatCount, formatTime, plural } from './format.js';
import { printable } from './printable.js';
import type { Style } from './style.js';
import { formatTable } from './table.js';

const outcomes = { done: 'green', failed: 'red', refused: 'yellow' } as const;

export function describeLedger(style: Style, { entries, unreadable }: LedgerPage): string {
  if (entries.length + unreadable.length === 0) return 'the ledger is empty';
  const columns = [
    { title: 'NO', align: 'right' as const },
    { title: 'WHEN' },
    { title: 'WHO' },
    { title: 'ACTION' },
    { title: 'DATABASE' },
    { title: 'SNAPSHOT' },
    { title: 'ROWS', align: 'right' as const },
    { title: 'OUTCOME' },
  ];
  return [
    formatTable(
      style,
      columns,
      entries.map((entry) => rowOf(style, entry)),
    ),
    ...unreadable.map(({ number, why }) => style.red(`entry ${number}: ${why}`)),
  ].join('\n');
}

function rowOf(style: Style, entry: LedgerEntry): string[] {
  const { number, at, actor, action, target, snapshot, rows, outcome, details } = entry;
  const paint = style[outcomes[outcome] ?? 'dim'];
  return [
    String(number),
    formatTime(at),
    printable(`${actor.user}@${actor.host}`),
    printable(typeof details.refused === 'string' ? `${action} of ${details.refused}` : action),
    printable(target?.database ?? ''),
    printable(snapshot?.tag ?? ''),
    rows === null ? '' : formatCount(rows),
    paint(printable(outcome)),
  ];
}

export function describeLedgerVerification(style: Style, result: LedgerVerification): string {
  const { ok, entries, manifests, head, broken } = result;
  const what = `${formatCount(entries)} ${entries === 1 ? 'entry' : 'entries'} and ${plural(manifests, 'manifest')}`;
  const noted = head ? [`head: ${head.number} ${head.sha256}`] : [];
  if (ok) {
    const hint =
      'keep the head elsewhere; `belay ledger verify --head` proves later that it is still there';
    return [`${style.green('whole')}: ${what} agree`, ...noted, style.dim(hint)].join('\n');
  }
  return [
    `${style.red('broken')}: ${what} do not agree`,
    ...broken.map(({ number, why }) => `  ${number === null ? '' : `entry ${number}: `}${why}`),
    ...noted,
  ].join('\n');
}

export function describeGatedRun(
  style: Style,
  { checkpoint, exitCode, rehearsal }: GatedRun,
): string {
  if (exitCode === null) {
    const checked = describeCheckpoint(style, checkpoint);
    const rehearsed = rehearsal ? [describeRehearsal(style, rehearsal)] : [];
    return [checked, ...rehearsed, style.red('the command was not run')].join('\n');
  }
  if (exitCode === 0) {
    const lost = rehearsal?.recordsLost ?? 0;
    const rehearsed = rehearsal ? ` and a rehearsal (${plural(lost, 'record')} lost)` : '';
    return `${style.green('done')}, after the checkpoint "${checkpoint.tag}"${rehearsed}`;
  }
  return `${style.red('failed')} with exit code ${exitCode}: "${checkpoint.tag}" is the state before`;
}
