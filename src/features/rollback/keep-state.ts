import type { SessionPolicy } from '../../domain/database-session.js';
import type { RollbackPlan } from '../../domain/rollback.js';
import { automaticTag } from '../../domain/tag.js';
import { BelayError } from '../../errors.js';
import { takeCheckpoint } from '../archive/checkpoint.js';
import { takeSnapshot } from '../snapshot/take.js';
import type { Target } from '../target/open-target.js';
import type { WorkOptions } from '../target/work.js';

/** What was made before rows could be lost. */
export interface KeptState {
  readonly id: string;
  readonly tag: string;
  readonly kind: 'snapshot' | 'checkpoint';
}

export interface KeepStateOptions extends WorkOptions {
  readonly keep?: 'snapshot' | 'checkpoint' | 'none' | undefined;
  readonly sessions?: SessionPolicy | undefined;
  readonly cwd?: string | undefined;
}

/**
 * Keeps the state before a rollback as a snapshot, or, where sessions must not be disturbed, as a proven checkpoint.
 * @throws BelayError NOT_PROVEN, and as `takeSnapshot` and `takeCheckpoint`; nothing was rolled back then
 */
export async function keepState(
  target: Target,
  plan: RollbackPlan,
  options: KeepStateOptions,
): Promise<KeptState | null> {
  const { keep = 'snapshot', sessions } = options;
  if (keep === 'none') return null;
  const tag = automaticTag('before-rollback', new Date(), new Set());
  const description = `before the rollback from ${plan.from} to ${plan.to}`;
  const order = { ...options, tag, description };
  if (keep === 'snapshot') {
    const reason = 'before-migration' as const;
    const { snapshot } = await takeSnapshot(target, { ...order, reason, sessions });
    return { id: snapshot.id, tag, kind: keep };
  }
  const { ok, snapshot } = await takeCheckpoint(target, order);
  if (ok) return { id: snapshot.id, tag, kind: keep };
  throw new BelayError(
    'NOT_PROVEN',
    `the checkpoint before the rollback is not proven: "${snapshot.tag}"`,
    {
      hint: `Nothing was rolled back. \`belay drill ${snapshot.tag}\` says what differs.`,
    },
  );
}
