import type { RestoreResult } from '../../index.js';
import { describeContents } from './describe-snapshot.js';
import { formatDuration } from './format.js';
import type { Style } from './style.js';

/** What a restore, switch or undo did, with its proof and its way back. */
export function describeRestore(style: Style, result: RestoreResult): string {
  const { snapshot, database, previous } = result;
  const took =
    previous === null
      ? `in ${formatDuration(result.durationMs)}`
      : `in ${formatDuration(result.durationMs)}, of which the database was away ${formatDuration(result.outageMs)}`;
  return [
    `${style.green('✔')} "${database}" is now ${style.bold(snapshot.tag)}: ${describeContents(snapshot)}`,
    style.dim(`  verified against the snapshot's fingerprint, ${took}`),
    ...(previous
      ? [style.dim(`  what was there is kept as "${previous.tag}"; \`belay undo\` brings it back`)]
      : []),
  ].join('\n');
}
