import type { Command } from 'commander';
import { Option } from 'commander';
import type { RollbackPlan, SessionPolicy } from '../../index.js';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import { describePlan, describeRollback } from '../output/describe-rollback.js';
import { confirmRollback } from './confirm.js';
import { allowProductionOption, sessionsOption, sessionsWaitOption } from './options.js';
import { sessionPolicy } from './settings.js';

interface PlanOptions {
  readonly downScripts?: boolean;
  readonly renames?: boolean;
  readonly showSql?: boolean;
  readonly data?: boolean;
  readonly prefer?: 'backup' | 'current';
  readonly leaveUnvalidated?: boolean;
}

interface RollbackOptions extends PlanOptions {
  readonly dryRun?: boolean;
  readonly force?: boolean;
  readonly keep?: 'snapshot' | 'checkpoint' | 'none';
  readonly sessions?: SessionPolicy;
  readonly allowProduction?: string;
}

const versionArgument = 'the version to go back to; "0" is the state before the first migration';

const wayOf = ({ downScripts, renames, data, prefer, leaveUnvalidated }: PlanOptions) => ({
  noDownScripts: downScripts === false,
  noRenames: renames === false,
  ...{ data, prefer, unvalidated: leaveUnvalidated },
});

function addWayOptions(command: Command): Command {
  return command
    .option('--no-down-scripts', 'take the recorded schemas instead of the down scripts')
    .option('--no-renames', 'nothing was renamed but what the history knows')
    .option('--data', 'also put back the records that were kept in the database')
    .addOption(
      new Option(
        '--prefer <which>',
        'with --data: what holds where a value was changed since (current)',
      ).choices(['backup', 'current']),
    )
    .option(
      '--leave-unvalidated',
      'with --data: leave constraints unvalidated, or out, that rows written since break',
    );
}

/** Commander cannot say that an option needs another one. */
async function checkData({ data, prefer, leaveUnvalidated }: PlanOptions): Promise<void> {
  if (data || (prefer === undefined && !leaveUnvalidated)) return;
  const { BelayError } = await import('../../index.js');
  const flag = leaveUnvalidated ? '--leave-unvalidated' : '--prefer';
  throw new BelayError('USAGE', `${flag} is about the records that --data puts back`, {
    hint: 'Add --data, or leave it out.',
  });
}

export function addRollbackCommand(program: Command, bind: Bind): void {
  const rollback = addWayOptions(
    program
      .command('rollback')
      .description('take migrations back, down to an earlier version')
      .argument('<version>', versionArgument),
  )
    .option('--dry-run', 'show what would be done, with its SQL, and do nothing')
    .option('--force', 'go on although rows would be lost')
    .addOption(
      new Option('--keep <copy>', 'what is made before anything above SAFE')
        .choices(['snapshot', 'checkpoint', 'none'])
        .default('snapshot'),
    )
    .addOption(sessionsOption())
    .addOption(sessionsWaitOption())
    .addOption(allowProductionOption())
    .action(
      bind<[string], RollbackOptions>(async (context, options, version) => {
        const { dryRun, force, keep, allowProduction } = options;
        await checkData(options);
        const sessions = await sessionPolicy(context, options.sessions);
        const result = await context.withTarget('rollback', (target, library) =>
          library.executeRollback(target, {
            ...context.work(library),
            ...{ ...wayOf(options), version, dryRun, force, keep, sessions, allowProduction },
            approve: (plan) => approve(context, plan),
          }),
        );
        context.print(result, () => describeRollback(context.style, result));
        if (!result.dryRun && !result.ok) context.exitWith(7);
      }),
    );
  addWayOptions(rollback.command('plan').argument('<version>', versionArgument))
    .description('show the way back: each step’s safety, and what it would lose')
    .option('--show-sql', 'also the SQL')
    .action(
      bind<[string], PlanOptions>(async (context, options, version) => {
        await checkData(options);
        const plan = await context.withTarget('rollback', (target, library) =>
          library.planRollback(target, {
            ...context.work(library),
            ...{ ...wayOf(options), version },
          }),
        );
        context.print(plan, () => describePlan(context.style, plan, options.showSql ?? false));
      }),
    );
}

/** `--yes` is no approval of a loss: that takes `--force`, or an answer to the numbers. */
async function approve(context: CommandContext, plan: RollbackPlan): Promise<boolean> {
  if (!context.isInteractive) return false;
  context.progress.stop();
  context.io.stderr.write(`${describePlan(context.style, plan, false)}\n`);
  return confirmRollback(context, plan);
}
