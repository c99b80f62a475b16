import { withAside, withUncountedAside } from '../snapshot/build-aside.js';
import type { MadeCopy } from '../snapshot/make-copy.js';
import type { Clone } from '../target/timeline.js';
import type { Work } from '../target/work.js';

/**
 * A working copy of a branch's base, closed, for `use` to put in place. Compared with the base where that was counted; else there
 * is nothing to compare it with.
 */
export function withCopyOf<T>(
  work: Work,
  clone: Clone,
  use: (copy: MadeCopy) => Promise<T>,
): Promise<T> {
  const isCounted = clone.record.snapshot.fingerprint !== null;
  return (isCounted ? withAside : withUncountedAside)(work, clone, use);
}
