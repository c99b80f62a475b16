import { chooseDumpTools, type DumpTools } from '../../src/process/client-tools.js';
import { type TestServer, testServers } from './servers.js';

export interface DumpableServer {
  readonly server: TestServer;
  readonly tools: DumpTools;
}

/**
 * A server of this run that a pg_dump on this machine can dump. PostgreSQL from npm comes without one, so it is the
 * installed one.
 */
export async function findDumpableServer(): Promise<DumpableServer> {
  for (const server of testServers()) {
    const tools = await chooseDumpTools(server.major, process.env).catch(() => undefined);
    if (tools) return { server, tools };
  }
  throw new Error('the tests need pg_dump: install the client programs of PostgreSQL');
}
