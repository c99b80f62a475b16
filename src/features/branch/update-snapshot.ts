import { automaticTag } from '../../domain/tag.js';
import { deleteSnapshot } from '../snapshot/delete.js';
import { takeSnapshot } from '../snapshot/take.js';
import type { Target } from '../target/open-target.js';
import type { WorkOptions } from '../target/work.js';

/** A snapshot of a branch as it was before its update. */
export interface KeptState {
  readonly tag: string;
  /** Removes it, where nothing was changed after all. Never fails. */
  discard(): Promise<void>;
}

/** Keeps a branch as it is, in its own timeline. @throws BelayError as `takeSnapshot` */
export async function keepBeforeUpdate(target: Target, options: WorkOptions): Promise<KeptState> {
  const tag = automaticTag('before-update', new Date(), new Set());
  await takeSnapshot(target, {
    ...{ ...options, tag, reason: 'before-migration', cwd: target.cwd },
    description: 'before `belay branch update`',
  });
  return {
    tag,
    discard: async () => {
      const { reporter } = options;
      await deleteSnapshot(target, { reference: tag, reporter, confirm: () => true }).catch(
        () => {},
      );
    },
  };
}
