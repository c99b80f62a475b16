import type { RestoreResult } from '../../index.js';
import { describeContents } from './describe-snapshot.js';
import { formatDuration, formatTime } from './format.js';
import type { Style } from './style.js';

/** What a restore or switch did, with its proof and its way back. */
export function describeRestore(style: Style, result: RestoreResult): string {
  return describe(style, result, `is now ${style.bold(result.snapshot.tag)}`);
}

/** What an undo did. The automatic tag of the state that came back is gone with it, so its time says more. */
export function describeUndo(style: Style, result: RestoreResult): string {
  const { snapshot } = result;
  if (snapshot.reason !== 'before-restore') return describeRestore(style, result);
  return describe(style, result, `is again what it was at ${formatTime(snapshot.createdAt)}`);
}

function describe(style: Style, result: RestoreResult, state: string): string {
  const { snapshot, database, previous } = result;
  const proof = result.verified
    ? "verified against the snapshot's fingerprint"
    : 'the same database as before, not verified';
  const took = `in ${formatDuration(result.durationMs)}`;
  const away =
    previous === null ? '' : `, of which the database was away ${formatDuration(result.outageMs)}`;
  return [
    `${style.green('✔')} "${database}" ${state}: ${describeContents(snapshot)}`,
    style.dim(`  ${proof}, ${took}${away}`),
    ...(previous
      ? [style.dim(`  what was there is kept as "${previous.tag}"; \`belay undo\` brings it back`)]
      : []),
  ].join('\n');
}
