import type { Command } from 'commander';
import type { LocalServer } from '../../index.js';
import type { Bind } from '../bind.js';
import { wholeNumber } from './arguments.js';

interface StartOptions {
  readonly port?: number;
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
    .action(
      bind<[], object>(async (context) => {
        const { stopLocalServer } = await import('../../index.js');
        const { reporter } = context.progress;
        const server = await stopLocalServer({ env: context.io.env, reporter });
        context.print(server, () =>
          describeServer(server, server.stopped ? 'stopped' : 'not running'),
        );
      }),
    );
  local
    .command('status')
    .description('show whether it runs, and where')
    .action(
      bind<[], object>(async (context) => {
        const { localServerStatus } = await import('../../index.js');
        const server = await localServerStatus({ env: context.io.env });
        context.print(server, () =>
          describeServer(server, server.running ? 'running' : 'not running'),
        );
      }),
    );
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
