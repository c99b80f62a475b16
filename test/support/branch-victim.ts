import { createBranch, deleteBranch, openRoot, resetBranch } from '../../src/index.js';

/** Works on a branch and tells of its steps: a test kills this process at some moment. */
const [url = '', action, name = '', from] = process.argv.slice(2);
const reporter = (event: { readonly type: string; readonly name?: string }) => {
  if (event.type === 'step') process.stdout.write(`step ${event.name}\n`);
};
const root = await openRoot({ url });
process.stdout.write('begun\n');
if (action === 'create') await createBranch(root, { name, from, reporter });
else if (action === 'reset') await resetBranch(root, { name, reporter });
else await deleteBranch(root, { name, reporter, confirm: () => true });
process.stdout.write('done\n');
await root.close();
