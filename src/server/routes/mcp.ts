import { isInitializeRequest } from '@modelcontextprotocol/sdk/types.js';
import type { Context } from 'hono';
import type { Caller } from '../../contract/caller.js';
import type { Api, ApiEnv } from '../http/api.js';
import { authenticate, checkScope } from '../http/authenticate.js';
import { readBody } from '../http/read-input.js';
import { McpSessions } from '../mcp/sessions.js';

/** Tools for assistants, over the protocol's own way through HTTP ("streamable HTTP"); not part of the API's document. */
export function addMcpRoutes({ app, services }: Api): void {
  const sessions = new McpSessions(services);
  app.on(['GET', 'POST', 'DELETE'], '/mcp', async (c) => {
    c.set('routePath', '/mcp');
    const caller = await authenticate(c, services);
    checkScope(caller, 'any');
    return c.req.method === 'POST' ? post(c, sessions, caller) : others(c, sessions, caller);
  });
}

async function post(c: Context<ApiEnv>, sessions: McpSessions, caller: Caller): Promise<Response> {
  const parsedBody = await readBody(c);
  const id = c.req.header('mcp-session-id');
  if (id !== undefined) {
    const transport = sessions.find(id, caller);
    return transport ? transport.handleRequest(c.req.raw, { parsedBody }) : unknownSession();
  }
  const messages = Array.isArray(parsedBody) ? parsedBody : [parsedBody];
  if (!messages.some((message) => isInitializeRequest(message))) {
    return refusal(400, -32_000, 'Begin with the request "initialize": there is no session yet');
  }
  const transport = await sessions.begin(caller);
  return transport.handleRequest(c.req.raw, { parsedBody });
}

/** GET: what the server says by itself. DELETE: the end of the session. */
async function others(
  c: Context<ApiEnv>,
  sessions: McpSessions,
  caller: Caller,
): Promise<Response> {
  const id = c.req.header('mcp-session-id');
  if (id === undefined) return refusal(400, -32_000, 'There is no session without its id');
  const transport = sessions.find(id, caller);
  return transport ? transport.handleRequest(c.req.raw) : unknownSession();
}

const unknownSession = () =>
  refusal(404, -32_001, 'Session not found: begin a new one with the request "initialize"');

/** As the protocol gives errors that are about no request. */
function refusal(status: number, code: number, message: string): Response {
  return Response.json({ jsonrpc: '2.0', error: { code, message }, id: null }, { status });
}
