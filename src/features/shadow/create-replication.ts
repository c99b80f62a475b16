import type { ShadowReplication } from '../../domain/shadow.js';
import type { Work } from '../target/work.js';
import type { CreateShadowOptions } from './create.js';

/** How changes will be found, and since when they are kept for it. */
export interface PreparedReplication {
  readonly replication: (ShadowReplication & { readonly lsn: string }) | null;
  /** Why not by logical replication, where that was wanted. */
  readonly why: string | null;
}

/**
 * Sets up logical replication before the copy is begun, so that nothing in between is missed.
 */
export async function prepareReplication(
  _work: Work,
  options: CreateShadowOptions,
  _id: string,
): Promise<PreparedReplication> {
  if (options.replication === 'scan') return { replication: null, why: null };
  return { replication: null, why: 'logical replication is not set up yet' };
}

/** Takes back what was set up. What cannot be removed now is found by its name later. */
export async function removeReplication(
  _work: Work,
  _replication: ShadowReplication | null,
): Promise<void> {}
