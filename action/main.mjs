// The one step of the action.
import { createBranch, deleteBranch } from './branch.mjs';
import { checkpoint } from './checkpoint.mjs';
import { input, maskPassword, sayError, usage } from './runner.mjs';

const modes = { checkpoint, branch: createBranch, 'branch-delete': deleteBranch };

function runMode() {
  const mode = input('MODE') || 'checkpoint';
  if (Object.hasOwn(modes, mode)) return modes[mode]();
  const message = `the input mode is ${mode}`;
  const hint = 'Use checkpoint, branch or branch-delete.';
  sayError('Belay: not run', { code: 'USAGE', message, hint }, usage);
  return usage;
}

maskPassword(input('TARGET'));
process.exitCode = await runMode();
