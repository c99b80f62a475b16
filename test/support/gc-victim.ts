import { gcBranches, openTarget } from '../../src/index.js';

/** Collects branches and tells of its steps: a test kills this process at some moment. */
const [url] = process.argv.slice(2);
const target = await openTarget({ url });
const reporter = (event: { readonly type: string; readonly name?: string }) => {
  if (event.type === 'step') process.stdout.write(`step ${event.name}\n`);
};
await gcBranches(target, { reporter, now: new Date(Date.now() + 2 * 86_400_000) });
process.stdout.write('done\n');
await target.close();
