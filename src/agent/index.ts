/** The agent: does jobs of a server where the server does not reach, over HTTP. */
export {
  type AgentDatabase,
  type AgentDatabasesInput,
  findAgentDatabases,
} from './agent-databases.js';
export { readAgentToken } from './agent-token.js';
export { type AgentOptions, type AgentRun, type ReadyAgent, runAgent } from './run-agent.js';
