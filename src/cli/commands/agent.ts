import type { Command } from 'commander';
import type { Bind } from '../bind.js';
import { targetOptions } from '../context.js';
import { plural } from '../output/format.js';
import { collect, wholeNumber } from './arguments.js';

interface Options {
  readonly server?: string;
  readonly database?: string[];
  readonly name?: string;
  readonly tokenFile?: string;
  readonly concurrency?: number;
  readonly once?: boolean;
  readonly showRows?: boolean;
  readonly allowHttp?: boolean;
}

export function addAgentCommand(program: Command, bind: Bind): void {
  program
    .command('agent')
    .description('do the jobs of a server for databases that only this machine reaches')
    .option('--server <url>', 'the server, e.g. https://belay.example.com (BELAY_SERVER)')
    .option(
      '--database <name=target>',
      'a registered name, and the target of the config or the URL that it is here; may be given again',
      collect,
    )
    .option('--name <name>', 'what jobs name as their worker (default: this machine’s name)')
    .option('--token-file <file>', 'file with the agent’s token, instead of BELAY_AGENT_TOKEN')
    .option('--concurrency <number>', 'jobs at once (2)', wholeNumber)
    .option('--once', 'do what waits, and end')
    .option('--show-rows', 'comparisons and rehearsals may send some rows as examples')
    .option('--allow-http', 'call another machine without TLS')
    .action(
      bind<[], Options>(async (context, options) => {
        const { io } = context;
        const { findAgentDatabases, readAgentToken, runAgent } = await import(
          '../../agent/index.js'
        );
        const server = await requireServer(options.server ?? io.env.BELAY_SERVER);
        const token = await readAgentToken(io.env, options.tokenFile);
        const databases = await findAgentDatabases({
          ...{ ...targetOptions(io, context.options), follow: false },
          databases: options.database ?? [],
        });
        await checkConcurrency(options.concurrency);
        const { name, concurrency, once: isOnce, showRows, allowHttp } = options;
        const { reporter } = context.progress;
        const done = await runAgent({
          ...{ server, token, databases, name, concurrency, isOnce, showRows, allowHttp },
          ...{ reporter, signal: context.beginWork() },
          onReady: (agent) => {
            if (isOnce) return;
            context.print(
              agent,
              () => `agent ${agent.name} serves ${agent.databases.join(', ')} for ${agent.server}`,
            );
          },
        });
        context.print(done, () => `${plural(done.jobs, 'job')} done, ${done.failed} failed`);
      }),
    );
}

async function requireServer(server: string | undefined): Promise<string> {
  if (server) return server;
  const { BelayError } = await import('../../index.js');
  throw new BelayError('USAGE', 'no server was named', {
    hint: 'Give --server https://belay.example.com, or set BELAY_SERVER.',
  });
}

async function checkConcurrency(concurrency: number | undefined): Promise<void> {
  if (concurrency === undefined || (concurrency >= 1 && concurrency <= 50)) return;
  const { BelayError } = await import('../../index.js');
  throw new BelayError('USAGE', '--concurrency is a number from 1 to 50', {
    hint: 'Leave it out for 2.',
  });
}
