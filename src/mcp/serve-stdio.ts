import type { Readable, Writable } from 'node:stream';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { BelayError } from '../errors.js';
import { createMcpServer } from './create-server.js';
import { createLibraryExecutor, type LibraryExecutorOptions } from './library/executor.js';

export interface ServeStdioOptions
  extends Pick<LibraryExecutorOptions, 'command' | 'allowProduction'> {
  /** Tools that put another state in the place of a live one are there. */
  readonly allowRestore?: boolean | undefined;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
  /** Default: those of the process. */
  readonly stdin?: Readable | undefined;
  readonly stdout?: Writable | undefined;
}

/**
 * Serves assistants over the standard streams, until the other side closes them or the signal is aborted. What runs then is
 * cancelled. Nothing but the protocol is written to stdout.
 * @throws BelayError INTERRUPTED or TERMINATED after an abort
 */
export async function serveMcpStdio(options: ServeStdioOptions): Promise<void> {
  const { allowRestore, signal } = options;
  const stdin = options.stdin ?? process.stdin;
  const executor = createLibraryExecutor({
    ...options,
    describeCaller: () => describeAssistant(server.server.getClientVersion()?.name),
  });
  const server = createMcpServer({ executor, allowRestore });
  const closed = new Promise<void>((resolve) => {
    server.server.onclose = resolve;
  });
  const end = () => void server.close();
  // The transport itself does not look whether the other side is gone.
  stdin.once('end', end);
  stdin.once('close', end);
  signal?.addEventListener('abort', end, { once: true });
  await server.connect(new StdioServerTransport(stdin, options.stdout ?? process.stdout));
  if (signal?.aborted) end();
  await closed;
  // What was cancelled cleans up.
  await executor.settled();
  if (!signal?.aborted) return;
  throw new BelayError(
    signal.reason === 'SIGTERM' ? 'TERMINATED' : 'INTERRUPTED',
    'stopped serving assistants',
  );
}

/** What calls itself anything: short, on one line, and quoted where it is shown. */
function describeAssistant(name: string | undefined): string {
  const plain = (name ?? '').replace(/[^\p{L}\p{N} ._/-]/gu, '').slice(0, 60);
  return plain === '' ? 'assistant' : `assistant ${plain}`;
}
