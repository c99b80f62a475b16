import { findBranches } from '../branch/find-branch.js';
import { gcBranches } from '../branch/gc.js';
import type { Target } from '../target/open-target.js';
import { type Check, ok, warn } from './check.js';

/** Branches that nobody needs any more, or that cannot be used. */
export async function checkBranches(target: Target): Promise<Check> {
  const name = 'branches';
  const count = (await findBranches(target)).length;
  if (count === 0) return ok(name, 'none');
  const { removed, overQuota } = await gcBranches(target, { dryRun: true, lockWaitMs: 0 });
  const shown = removed.map((one) => `"${one.name}" (${one.why})`);
  const over = overQuota === null ? [] : ['more than the config allows'];
  if (shown.length + over.length > 0) {
    const what = [...shown.slice(0, 5), ...(shown.length > 5 ? ['…'] : []), ...over].join('; ');
    return warn(name, `${count}, no longer needed: ${what}`, '`belay branch gc` removes them.');
  }
  return ok(name, count === 1 ? '1' : String(count));
}
