import type { Command } from 'commander';
import type { LocalServer } from '../../index.js';
import type { Bind } from '../bind.js';
import { wholeNumber } from './arguments.js';

interface PortOptions {
  readonly port?: number;
}

interface StartOptions extends PortOptions {
  readonly pgVersion?: number;
}

export function addLocalCommand(program: Command, bind: Bind): void {
  const local = program
    .command('local')
    .description('a PostgreSQL of Belay’s own, for people without one');
  local
    .command('start')
    .description('start it, making it at the first time; it goes on after this command')
    .option('--port <number>', 'port (default: the one before, else a free one)', wholeNumber)
    .option('--pg-version <major>', 'PostgreSQL version of a server made now', wholeNumber)
    .action(
      bind<[], StartOptions>(async (context, { port, pgVersion: major }) => {
        const { startLocalServer } = await import('../../index.js');
        const { reporter } = context.progress;
        const { env } = context.io;
        const signal = context.beginWork();
        const server = await startLocalServer({ port, major, env, signal, reporter });
        context.print(server, () => describeServer(server, server.started ? 'started' : 'running'));
      }),
    );
  local
    .command('stop')
    .description('stop it; its data stays')
    .option('--port <number>', 'only the one on this port', wholeNumber)
    .action(
      bind<[], PortOptions>(async (context, { port }) => {
        const { localServerStatus, stopLocalServer } = await import('../../index.js');
        await checkPort(await localServerStatus({ env: context.io.env }), port);
        const { reporter } = context.progress;
        // A server that is being stopped is let stop: half-way is no state to leave it in.
        context.beginWork();
        const server = await stopLocalServer({ env: context.io.env, reporter });
        context.print(server, () =>
          describeServer(server, server.stopped ? 'stopped' : 'not running'),
        );
      }),
    );
  local
    .command('status')
    .description('show whether it runs, and where')
    .option('--port <number>', 'only the one on this port', wholeNumber)
    .action(
      bind<[], PortOptions>(async (context, { port }) => {
        const { localServerStatus } = await import('../../index.js');
        const server = await localServerStatus({ env: context.io.env });
        await checkPort(server, port);
        context.print(server, () =>
          describeServer(server, server.running ? 'running' : 'not running'),
        );
      }),
    );
}

/** There is one local server; a port that is not its own means another one, which is none of ours. */
async function checkPort(server: LocalServer, port: number | undefined): Promise<void> {
  if (port === undefined || server.port === null || server.port === port) return;
  const { BelayError } = await import('../../index.js');
  throw new BelayError('USAGE', `the local server uses port ${server.port}, not ${port}`, {
    hint: 'Leave --port out: there is only one local server.',
  });
}

function describeServer(server: LocalServer, state: string): string {
  const version = server.version === null ? '' : ` PostgreSQL ${server.version}`;
  const lines = [`${state}:${version || ' no server yet'}`];
  if (server.url !== null) lines.push(`  url   ${server.url}`);
  if (server.version !== null) {
    lines.push(`  data  ${server.dataDir}`, `  log   ${server.logFile}`);
  }
  if (!server.running) lines.push('start it with `belay local start`');
  return lines.join('\n');
}
