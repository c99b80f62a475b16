import type { Command } from 'commander';
import type { BelayServer } from '../../server/index.js';
import type { Bind } from '../bind.js';
import type { CommandContext } from '../context.js';
import { collect, wholeNumber } from './arguments.js';

interface ServeCommandOptions {
  readonly port?: number;
  readonly host?: string;
  readonly catalog?: string;
  readonly name?: string;
  readonly allowedHost?: readonly string[];
  readonly allowAddress?: readonly string[];
  readonly concurrency?: number;
  readonly queue?: number;
  readonly publicUrl?: string;
  readonly allowRestore?: boolean;
}

export function addServeCommand(program: Command, bind: Bind): void {
  program
    .command('serve')
    .description('the HTTP API, the page and what is done by the clock; serves until it is stopped')
    .option('--port <number>', 'port to listen on; 0: any (default: 8432)', wholeNumber)
    .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
    .option('--catalog <url>', 'a PostgreSQL for what the server keeps (default: its own)')
    .option('--name <name>', 'of this server, where several share a data folder and a catalog')
    .option('--allowed-host <name>', 'further name it is called by; repeatable', collect)
    .option('--allow-address <place>', 'inner address webhooks may go to; repeatable', collect)
    .option('--concurrency <number>', 'jobs at once (default: 2)', wholeNumber)
    .option('--queue <number>', 'jobs that may wait (default: 100)', wholeNumber)
    .option('--public-url <url>', 'where people see it, behind a proxy')
    .option('--allow-restore', 'assistants may restore in place, if their token may')
    .action(
      bind<[], ServeCommandOptions>(async (context, options) => {
        const { startBelayServer } = await import('../../server/index.js');
        const { io } = context;
        const { url, target, store } = context.options;
        const signal = context.beginWork();
        const server = await startBelayServer({
          ...{ env: io.env, cwd: io.cwd, signal, reporter: context.progress.reporter },
          ...{ url, target, store },
          ...{ port: options.port, host: options.host, name: options.name },
          ...{ catalogUrl: options.catalog, publicUrl: options.publicUrl },
          ...{ allowedHosts: options.allowedHost, allowAddresses: options.allowAddress },
          ...{ concurrency: options.concurrency, queueLimit: options.queue },
          allowRestore: options.allowRestore,
        });
        try {
          present(context, server);
          await untilAborted(signal);
        } finally {
          await server.close();
        }
        context.exitWith(signal.reason === 'SIGTERM' ? 143 : 130);
      }),
    );
}

/** The link signs in as admin, so it is not for the document that others may keep. */
function present(context: CommandContext, server: BelayServer): void {
  const { url, host, port, databases, catalog, signInUrl } = server;
  if (signInUrl !== null) {
    context.io.stderr.write(
      `nobody is set up yet; sign in once, within ten minutes: ${signInUrl}\n`,
    );
  }
  context.print({ url, host, port, databases, catalog }, () => url);
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
