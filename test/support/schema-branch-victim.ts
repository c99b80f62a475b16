import { newSnapshotId } from '../../src/domain/clone-name.js';
import type { FoundBranch } from '../../src/features/branch/driver.js';
import { schemaBranches } from '../../src/features/branch/schema-driver.js';
import { openTarget } from '../../src/features/target/open-target.js';
import { underLock, type Work } from '../../src/features/target/work.js';

/** Works on a schema branch and tells of its steps: a test kills this process at some moment. */
const [url, action, name = ''] = process.argv.slice(2);
const target = await openTarget({ url });
const reporter = (event: { readonly type: string; readonly name?: string }) => {
  if (event.type === 'step') process.stdout.write(`step ${event.name}\n`);
};
const [branch] = await schemaBranches.list(target);
await underLock(target, { reporter }, (work) => act(work, branch));
process.stdout.write('done\n');
await target.close();

async function act(work: Work, found: FoundBranch | undefined): Promise<unknown> {
  if (action === 'create' || !found) {
    return schemaBranches.create(work, {
      ...{ id: newSnapshotId(), name, isolation: 'schema', purpose: 'manual', git: null },
      ...{ source: { kind: 'live' }, sourceSchema: 'app', sessions: 'wait' },
      ...{ expiresAt: null, protectedUntil: null, folder: undefined },
    });
  }
  if (action === 'remove') return schemaBranches.remove(work, found, 'wait');
  return schemaBranches.reset(work, found, { reference: undefined, sessions: 'wait', cwd: '/' });
}
