import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { cleanEnvironment } from '../../support/run-belay.js';
import { testHome } from '../../support/test-home.js';
import { withTypeScript } from '../../support/test-project.js';

const program = fileURLToPath(new URL('../../support/source-program.ts', import.meta.url));
const patienceMs = 150_000;

/** An assistant's program: the protocol's own client. */
export interface ToolClient {
  readonly client: Client;
  names(): Promise<string[]>;
  /** Calls a tool, and gives its document. @throws where it is an error */
  // biome-ignore lint/suspicious/noExplicitAny: each tool's document is what the tests are about
  call(name: string, input?: object, onProgress?: (message: string) => void): Promise<any>;
  /** Calls a tool that has to fail, and gives the text of the error. */
  refused(name: string, input?: object): Promise<string>;
  close(): Promise<void>;
}

export interface StdioOptions {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly store: string;
}

/** Starts `belay mcp` from the sources as an assistant's program does, and talks to it. */
export async function startStdioClient({ args, cwd, store }: StdioOptions): Promise<ToolClient> {
  const env = { ...cleanEnvironment(), BELAY_HOME: testHome(), BELAY_STORE: store };
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [...withTypeScript, program, 'mcp', ...args],
    cwd,
    env: env as Record<string, string>,
    stderr: 'pipe',
  });
  return connect(transport);
}

/** Talks to the tools of a server over HTTP. */
export function startHttpClient(url: string, token: string): Promise<ToolClient> {
  return connect(
    new StreamableHTTPClientTransport(new URL('/mcp', url), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    }) as never,
  );
}

async function connect(transport: StdioClientTransport): Promise<ToolClient> {
  const client = new Client({ name: 'test assistant', version: '1.0.0' });
  await client.connect(transport, { timeout: patienceMs });
  const call = (name: string, input: object, onProgress?: (message: string) => void) =>
    client.callTool({ name, arguments: { ...input } }, undefined, {
      timeout: patienceMs,
      onprogress: ({ message }) => onProgress?.(message ?? ''),
    }) as Promise<CallToolResult>;
  return {
    client,
    names: async () => (await client.listTools()).tools.map(({ name }) => name).sort(),
    call: async (name, input = {}, onProgress) => {
      const answer = await call(name, input, onProgress);
      if (answer.isError) throw new Error(`${name}: ${textOf(answer)}`);
      return answer.structuredContent;
    },
    refused: async (name, input = {}) => {
      const answer = await call(name, input);
      if (!answer.isError) throw new Error(`${name} did not fail: ${textOf(answer)}`);
      return textOf(answer);
    },
    close: () => client.close(),
  };
}

const textOf = ({ content }: CallToolResult): string =>
  content.map((part) => (part.type === 'text' ? part.text : part.type)).join('\n');

export const readingTools = [
  ...['branch_list', 'branch_url', 'compare_schemas', 'diff', 'drift', 'ledger', 'list_databases'],
  ...['list_snapshots', 'show_schema', 'show_snapshot', 'status', 'verify', 'version_graph'],
];
export const creatingTools = ['create_checkpoint', 'create_snapshot'];
export const migratingTools = [
  ...['branch_create', 'plan_migration', 'rehearse_migration', 'rollback_plan'],
];
export const replacingTools = ['restore', 'switch', 'undo'];
