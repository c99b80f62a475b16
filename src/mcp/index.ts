/** MCP: tools for assistants, over the library or as jobs of a server. */
export { createMcpServer, type McpServerOptions } from './create-server.js';
export {
  type Executor,
  type Place,
  type Timeline,
  type ToolCall,
  type ToolVerb,
  toolVerbs,
} from './executor.js';
export { type ServeStdioOptions, serveMcpStdio } from './serve-stdio.js';
