import { Command } from 'commander';
import type { Bind } from './bind.js';
import { addAgentCommand } from './commands/agent.js';
import { addBranchCommand } from './commands/branch.js';
import { addCheckpointCommand } from './commands/checkpoint.js';
import { addCompletionCommands } from './commands/completion.js';
import { addDeleteCommand } from './commands/delete.js';
import { addDiffCommand } from './commands/diff.js';
import { addDoctorCommand } from './commands/doctor.js';
import { addEnvCommand } from './commands/env.js';
import { addGatewayCommand } from './commands/gateway.js';
import { addGitCommands } from './commands/git.js';
import { addInitCommand } from './commands/init.js';
import { addLedgerCommand } from './commands/ledger.js';
import { addListCommand } from './commands/list.js';
import { addLocalCommand } from './commands/local.js';
import { addMcpCommand } from './commands/mcp.js';
import { addMigrateCommand } from './commands/migrate.js';
import { addMoveCommands } from './commands/move.js';
import { addPersonCommand } from './commands/person.js';
import { addPlanCommand } from './commands/plan.js';
import { addProtectCommands } from './commands/protect.js';
import { addProofCommands } from './commands/prove.js';
import { addPruneCommand } from './commands/prune.js';
import { addRehearseCommand } from './commands/rehearse.js';
import { addRenameCommand } from './commands/rename.js';
import { addRepairCommand } from './commands/repair.js';
import { addRestoreCommand } from './commands/restore.js';
import { addRollbackCommand } from './commands/rollback.js';
import { addRunCommand } from './commands/run.js';
import { addSchemaCommand } from './commands/schema.js';
import { addServeCommand } from './commands/serve.js';
import { addShadowCommand } from './commands/shadow.js';
import { addShowCommand } from './commands/show.js';
import { addSnapshotCommand } from './commands/snapshot.js';
import { addStatusCommand } from './commands/status.js';
import { addSwitchCommand } from './commands/switch.js';
import { addTokenCommand } from './commands/token.js';
import { addUndoCommand } from './commands/undo.js';
import { addUrlCommand } from './commands/url.js';
import { type CommandContext, createContext } from './context.js';
import type { CliIo } from './io.js';
import { readOwnVersion } from './own-version.js';

/** The whole command line. Commander prints to the given streams and throws instead of exiting. */
export function buildProgram(io: CliIo, exitWith: (code: number) => void): Command {
  const program = new Command('belay')
    .description(
      'A safety rope for PostgreSQL: snapshots and proven checkpoints, restore, switch and undo.',
    )
    .version(readOwnVersion(), '-V, --version')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      // Mistakes are printed once, by run.ts; what commander itself writes here is only the help.
      writeErr: (text) => text.startsWith('error:') || io.stderr.write(text),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
    })
    .exitOverride()
    .showSuggestionAfterError();
  addGlobalOptions(program);
  const bind: Bind =
    (action) =>
    async (...args) => {
      const command = args.at(-1) as Command;
      const options = command.optsWithGlobals();
      const context = createContext(io, options, exitWith);
      try {
        await context.checkDurations();
        // Commander appends the options and the command to the arguments.
        const acting = action(context, options as never, ...(args.slice(0, -2) as never));
        await Promise.race([acting, interruption(context)]);
      } finally {
        context.progress.stop();
      }
    };
  for (const add of commands) add(program, bind);
  program.commands.forEach(inheritSettings);
  return program;
}

/** Rejects when the command is interrupted before its work has begun. */
function interruption(context: CommandContext): Promise<never> {
  const { signal } = context.io;
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', async () => {
      const { BelayError } = await import('../index.js');
      const code = signal.reason === 'SIGTERM' ? 'TERMINATED' : 'INTERRUPTED';
      if (!context.isAtWork) reject(new BelayError(code, 'interrupted before anything was done'));
    });
  });
}

const commands: readonly ((program: Command, bind: Bind) => void)[] = [
  addInitCommand,
  addDoctorCommand,
  addLocalCommand,
  addSnapshotCommand,
  addCheckpointCommand,
  addListCommand,
  addShowCommand,
  addStatusCommand,
  addRestoreCommand,
  addSwitchCommand,
  addUndoCommand,
  addDiffCommand,
  addRenameCommand,
  addProtectCommands,
  addDeleteCommand,
  addPruneCommand,
  addRunCommand,
  addMigrateCommand,
  addPlanCommand,
  addRehearseCommand,
  addShadowCommand,
  addBranchCommand,
  addGatewayCommand,
  addServeCommand,
  addAgentCommand,
  addMcpCommand,
  addGitCommands,
  addEnvCommand,
  addUrlCommand,
  addProofCommands,
  addMoveCommands,
  addSchemaCommand,
  addRollbackCommand,
  addLedgerCommand,
  addRepairCommand,
  addTokenCommand,
  addPersonCommand,
  addCompletionCommands,
];

function addGlobalOptions(program: Command): void {
  program
    .option('--url <url>', 'database to work on, as a URL or "key=value …"')
    .option('--target <name>', 'database to work on, by its name in belay.config.json')
    .option('--maintenance-db <name>', 'database to work from, beside the target')
    .option('--store <place>', 'folder or s3://bucket/prefix of archives and ledger')
    .option('--json', 'print one JSON document')
    .option('-y, --yes', 'answer yes to a plain confirmation')
    .option('--lock-wait <duration>', 'how long to wait for another run, e.g. 30s (the default)');
}

function inheritSettings(command: Command): void {
  command.allowExcessArguments(false);
  command.commands.forEach(inheritSettings);
}
