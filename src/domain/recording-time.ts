import type { CloneRecord } from './record.js';

/**
 * The time to record for what happens now: later than everything on the timeline, even where the clock was set back,
 * or belongs to another machine. The order of the timeline decides what `latest`, `undo` and "based on" mean; a time
 * that is some seconds off misleads nobody as much as a wrong order would.
 */
export function recordingTime(records: readonly CloneRecord[], now: Date): string {
  const times = records.flatMap(({ snapshot, restoredAs }) => [
    Date.parse(snapshot.createdAt),
    ...restoredAs.map(({ at }) => Date.parse(at)),
  ]);
  // Not Math.max(...times): a long timeline has more times than a call takes arguments.
  const newest = times.reduce((later, time) => Math.max(later, time), 0);
  return new Date(Math.max(now.getTime(), newest + 1)).toISOString();
}
