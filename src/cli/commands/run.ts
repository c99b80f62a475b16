import type { Command } from 'commander';
import type { MigrationImpact } from '../../index.js';
import type { Bind } from '../bind.js';
import { type CommandContext, targetOptions } from '../context.js';
import { describeGatedRun } from '../output/describe-ledger.js';
import { describeImpacts } from '../output/describe-migration.js';
import { type ArchiveFlags, addArchiveOptions, toArchiveOptions } from './archive-options.js';
import { countTimeoutOption } from './options.js';
import {
  addRehearsalLimits,
  exitCodeOf,
  type RehearsalFlags,
  rehearsalLimits,
} from './rehearsal-limits.js';
import {
  type BranchRunFlags,
  branchToRunOn,
  gateOnBranch,
  runBranchCommand,
} from './run-on-branch.js';
import { readConfig } from './settings.js';

interface Options extends ArchiveFlags, RehearsalFlags, BranchRunFlags {
  readonly tag?: string;
  readonly description?: string;
  readonly autoSnapshot?: boolean;
  readonly countTimeout?: string;
  readonly rehearse?: boolean;
  readonly checkpoint?: boolean;
}

/** Exit code of a checkpoint that is not proven: the command was not run. */
const notProven = 7;

export function addRunCommand(program: Command, bind: Bind): void {
  const command = program
    .command('run')
    .description(
      'run a command only after a proven checkpoint, or on a branch; exits with the command’s own code',
    )
    .usage('[options] -- COMMAND [ARGUMENTS…]')
    .argument('<command...>', 'behind "--": the program and its arguments; no shell is involved')
    .option(
      '--checkpoint',
      'make a checkpoint first, also on a branch (elsewhere it is always done)',
    )
    .option(
      '--branch [name]',
      'on a branch (default: the current one): no checkpoint unless one is asked for',
    )
    .option('--rehearse', 'run it first on the copy that the checkpoint’s drill has restored')
    .option('--tag <tag>', 'of the checkpoint (default: "before-", the command and the time)')
    .option('-d, --description <text>', 'what this state is')
    .option('--no-auto-snapshot', 'do not record the schema before and after')
    .addOption(countTimeoutOption());
  addRehearsalLimits(addArchiveOptions(command)).action(bind<[string[]], Options>(run));
}

async function run(context: CommandContext, options: Options, words: string[]): Promise<void> {
  const library = await import('../../index.js');
  const [name, ...args] = words;
  // Without it, options of the command would be taken for Belay's.
  if (!context.io.args.includes('--') || !name) {
    throw new library.BelayError('USAGE', 'the command to run begins behind "--"', {
      hint: 'For example: belay run --checkpoint -- npm run migrate',
    });
  }
  const branch = await branchToRunOn(context, options);
  if (branch !== null && !wantsCheckpoint(options)) {
    return runBranchCommand(context, branch, [name, ...args]);
  }
  const where =
    branch === null
      ? targetOptions(context.io, context.options)
      : await gateOnBranch(context, branch);
  const archive = toArchiveOptions(options, library.parseDuration);
  const { tag, description, countTimeout } = options;
  if (tag !== undefined) library.validateTag(tag);
  await library.checkArchiveOptions(archive, 'counts');
  const result = await library.runAfterCheckpoint([name, ...args], where, {
    ...context.work(library),
    ...{ ...archive, tag, description },
    // Undefined: as the configuration says.
    autoSnapshot: options.autoSnapshot === false ? false : undefined,
    commandStdout: context.json ? 'stderr' : 'stdout',
    countTimeoutMs: countTimeout === undefined ? undefined : library.parseDuration(countTimeout),
    onImpacts: (impacts) => showAndCheck(context, impacts),
    rehearse: options.rehearse ? await rehearsalLimits(context, options) : undefined,
  });
  if (context.json) context.print(result, () => '');
  else context.io.stderr.write(`${describeGatedRun(context.style, result)}\n`);
  const { rehearsal } = result;
  const isRefused = result.checkpoint.ok && rehearsal !== null && !rehearsal.ok;
  context.exitWith(result.exitCode ?? (isRefused ? exitCodeOf(rehearsal) : notProven));
}

/** A branch is there to be worked in: a checkpoint of it is made where one is asked for. */
function wantsCheckpoint({ checkpoint, rehearse, tag }: Options): boolean {
  return checkpoint === true || rehearse === true || tag !== undefined;
}

/** Shows what the pending migrations would do, and refuses what the config's policy refuses. */
async function showAndCheck(
  context: CommandContext,
  impacts: readonly MigrationImpact[],
): Promise<void> {
  const { stderr } = context.io;
  const text = describeImpacts(context.style, impacts, stderr.columns);
  context.progress.stop();
  if (text !== '') stderr.write(`${text}\n`);
  const policy = (await readConfig(context))?.migrations?.policy;
  if (policy === undefined) return;
  const { BelayError, evaluatePolicy } = await import('../../index.js');
  const refused = impacts
    .flatMap(({ impact }) => evaluatePolicy(impact, policy).violations)
    .filter(({ level }) => level === 'refuse');
  if (refused.length === 0) return;
  throw new BelayError(
    'POLICY_REFUSED',
    `the policy refuses what is pending: ${refused.map(({ message }) => message).join('; ')}`,
    {
      hint: 'Nothing was run. `belay plan` shows it whole; a comment `-- belay:allow RULE: REASON` in the SQL waives a rule.',
      details: { violations: refused },
    },
  );
}
