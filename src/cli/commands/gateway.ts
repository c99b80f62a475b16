import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import type { GatewayOptions } from '../../index.js';
import type { Bind } from '../bind.js';
import { targetOptions } from '../context.js';
import { wholeNumber } from './arguments.js';

interface GatewayCommandOptions {
  readonly port?: number;
  readonly host?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
}

export function addGatewayCommand(program: Command, bind: Bind): void {
  program
    .command('gateway')
    .description('one stable URL that leads to the current branch; serves until it is stopped')
    .option('--port <number>', 'port on this machine (default: 6543)', wholeNumber)
    .option('--host <address>', 'loopback address to listen on (default: 127.0.0.1)')
    .option('--tls-cert <file>', 'certificate for clients that want TLS, as PEM')
    .option('--tls-key <file>', 'its key')
    .action(
      bind<[], GatewayCommandOptions>(async (context, options) => {
        const { io } = context;
        const tls = await readTls(options);
        const { gatewayPassword, openBranchRoutes, startGateway } = await import('../../index.js');
        const { dataHome } = await import('../../config/data-home.js');
        const { reporter } = context.progress;
        const signal = context.beginWork();
        const where = targetOptions(io, context.options);
        const routes = await openBranchRoutes({ ...where, signal, reporter });
        try {
          const { user, password = await gatewayPassword(dataHome(io.env)) } = routes.settings;
          const { port, host } = options;
          const gateway = await startGateway(routes, {
            ...{ user, password, port, host, tls, signal, reporter },
          });
          const shown = { url: gateway.url, port: gateway.port, database: routes.database, user };
          context.print(shown, () => gateway.url);
          await gateway.closed;
        } finally {
          routes.close();
        }
      }),
    );
}

async function readTls({ tlsCert, tlsKey }: GatewayCommandOptions): Promise<GatewayOptions['tls']> {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  const { BelayError } = await import('../../index.js');
  if (tlsCert === undefined || tlsKey === undefined) {
    throw new BelayError('USAGE', 'TLS needs a certificate and its key', {
      hint: 'Give both --tls-cert and --tls-key, or neither: on loopback, TLS protects from nobody.',
    });
  }
  const read = (file: string) =>
    readFile(file).catch((error: NodeJS.ErrnoException) => {
      throw new BelayError('FILE_ERROR', `cannot read ${file} (${error.code})`, {
        hint: 'Check --tls-cert and --tls-key.',
        cause: error,
      });
    });
  return { cert: await read(tlsCert), key: await read(tlsKey) };
}
