import { clusterBranches } from '../../src/features/branch/cluster-driver.js';
import { openTarget } from '../../src/features/target/open-target.js';
import { underLock } from '../../src/features/target/work.js';
import { orderFor } from './cluster-branches.js';

/** Makes, resets or removes a branch with a server of its own, and tells of its steps: a test kills this process meanwhile. */
const [action, url, name = ''] = process.argv.slice(2);
const target = await openTarget({ url });
const reporter = (event: { type: string; name?: string }) => {
  if (event.type === 'step') process.stdout.write(`step ${event.name}\n`);
};
await underLock(target, { reporter }, async (work) => {
  process.stdout.write('begun\n');
  if (action === 'create') {
    await clusterBranches.create(work, orderFor(name));
    return;
  }
  const branch = (await clusterBranches.list(target)).find(({ record }) => record.name === name);
  if (!branch) throw new Error(`there is no branch ${name}`);
  const order = { reference: undefined, sessions: 'terminate', cwd: '/' } as const;
  if (action === 'reset') await clusterBranches.reset(work, branch, order);
  else await clusterBranches.remove(work, branch, 'terminate');
});
process.stdout.write('done\n');
await target.close();
