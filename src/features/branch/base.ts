import type { BranchBase } from '../../domain/branch.js';
import type { Clone } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import type { BranchOrder } from './driver.js';

/** The immutable snapshot that a branch starts from. */
export interface ObtainedBase {
  /** A closed database without sessions: a template for any copy. */
  readonly clone: Clone;
  readonly base: BranchBase;
}

/**
 * Finds or takes the snapshot that a branch starts from. What is live is snapshotted first, uncounted; an archive is
 * restored into a clone first. If `use` fails, a snapshot that was taken for it is removed again.
 */
export async function withBase<T>(
  _work: Work,
  _order: Pick<BranchOrder, 'source' | 'name' | 'id' | 'sessions'>,
  _use: (obtained: ObtainedBase) => Promise<T>,
): Promise<T> {
  throw new Error('not written yet');
}
