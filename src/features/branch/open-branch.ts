import { connectionUrl } from '../../postgres/connection-url.js';
import { openTarget, type Target } from '../target/open-target.js';
import type { FoundBranch } from './driver.js';

/**
 * Opens a branch as a target of its own: its timeline, its lock. The store is the root's, which must stay open as long.
 *
 * @example
 * await withBranchTarget(root, branch, 'snapshot', (target) => takeSnapshot(target, { tag: 'wip' }));
 * @throws BelayError as `openTarget`
 */
export async function withBranchTarget<T>(
  root: Target,
  { settings, record }: Pick<FoundBranch, 'settings' | 'record'>,
  action: string,
  use: (target: Target) => Promise<T>,
): Promise<T> {
  // A cluster branch has the maintenance database of its source.
  const maintenanceDatabase = root.main.database;
  const opened = await openTarget({
    ...{ cwd: root.cwd, env: root.env, action, maintenanceDatabase },
    url: connectionUrl(settings, { withPassword: true }),
  });
  const target: Target = {
    ...opened,
    openStore: () => root.openStore(),
    source: `branch ${record.name}`,
    // A branch is made by Belay to be worked in, wherever its server is.
    environment: 'development',
  };
  try {
    return await use(target);
  } finally {
    await opened.close();
  }
}
