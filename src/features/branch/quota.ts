import type { BranchesConfig } from '../../config/branches-config.js';
import { BelayError } from '../../errors.js';
import type { Work } from '../target/work.js';
import type { FoundBranch } from './driver.js';

/**
 * Refuses one branch more than the config allows. Room is measured by `gc` alone: asking the disk takes long.
 * @throws BelayError QUOTA_REACHED
 */
export function checkQuota(
  { target }: Work,
  branches: readonly FoundBranch[],
  { maxBranches }: BranchesConfig,
): void {
  if (maxBranches === undefined || branches.length < maxBranches) return;
  const oldest = [...branches].sort((a, b) => lastUse(a).localeCompare(lastUse(b)))[0];
  throw new BelayError(
    'QUOTA_REACHED',
    `"${target.database}" has ${branches.length} branches, and branches.maxBranches in the config allows ${maxBranches}`,
    {
      hint: `\`belay branch gc\` removes what is no longer needed; \`belay branch delete ${JSON.stringify(oldest?.record.name)}\` the one not used for the longest time.`,
    },
  );
}

function lastUse({ record }: FoundBranch): string {
  return record.lastUsedAt ?? record.createdAt;
}
