import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import { readOwnVersion } from '../config/own-version.js';
import { scopes as allScopes, type Scope } from '../contract/scope.js';
import { BelayError } from '../errors.js';
import type { Executor } from './executor.js';
import { instructions, registerPrompts } from './prompts.js';
import { registerResources } from './resources.js';
import type { Tool } from './tool.js';
import { toAnswer, toErrorAnswer } from './tool-answer.js';
import { progressReporter } from './tool-progress.js';
import { toolsFor } from './tools/all.js';

export interface McpServerOptions {
  readonly executor: Executor;
  /** A person allowed assistants to put another state in the place of a live one. Default: no. */
  readonly allowRestore?: boolean | undefined;
  /** What the caller may do; default: everything that there is a tool for. */
  readonly scopes?: readonly Scope[] | undefined;
  /** Told of errors that are no BelayError; the assistant then only learns that something is wrong. */
  readonly onBug?: ((error: unknown) => void) | undefined;
}

/** Lists and objects in the input of a tool, all together; what a person or an assistant writes has far fewer. */
const mostInputElements = 2_000;

/** The MCP server with all tools, prompts and resources of a caller, not yet connected to anything. */
export function createMcpServer(options: McpServerOptions): McpServer {
  const { executor, allowRestore = false, scopes = allScopes } = options;
  const server = new McpServer(
    { name: 'belay', title: 'Belay', version: readOwnVersion() },
    { instructions, maxToolInputElements: mostInputElements },
  );
  for (const tool of toolsFor({ allowRestore, scopes })) registerTool(server, tool, options);
  registerPrompts(server);
  if (scopes.some((scope) => scope !== 'checkpoint')) registerResources(server, executor);
  return server;
}

function registerTool(server: McpServer, tool: Tool, options: McpServerOptions): void {
  const { executor, onBug } = options;
  const { name, title, description, effect, input, output } = tool;
  const { placeArgument } = executor;
  const place = z.string().min(1).max(200).optional();
  const argument = { [placeArgument]: place.describe(describePlace(placeArgument)) };
  const leftOut = z.array(z.string()).optional().describe('What was too long to be given whole');
  server.registerTool(
    name,
    {
      ...{ title, description },
      inputSchema: z.strictObject(name === 'list_databases' ? input : { ...input, ...argument }),
      outputSchema: output.extend({ leftOut }),
      annotations: {
        title,
        readOnlyHint: effect === 'read',
        destructiveHint: effect === 'replace',
        idempotentHint: effect === 'read',
        openWorldHint: false,
      },
    },
    async (given, extra) => {
      const { [placeArgument]: named, ...values } = given as Record<string, unknown>;
      const call = {
        place: named as string | undefined,
        signal: extra.signal,
        report: progressReporter(extra),
      };
      try {
        return toAnswer(await tool.run(executor, call, values as never));
      } catch (error) {
        if (error instanceof BelayError || !onBug) return toErrorAnswer(error);
        onBug(error);
        return toErrorAnswer(
          new BelayError('BUG', 'something went wrong inside the server', {
            hint: 'Its log has the details.',
          }),
        );
      }
    },
  );
}

const describePlace = (argument: Executor['placeArgument']): string =>
  argument === 'target'
    ? 'A target of belay.config.json; left out: the database of the command line'
    : 'The registered name of the database; may be left out where there is only one';
