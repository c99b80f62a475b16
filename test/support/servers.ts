import { inject } from 'vitest';
import type { TestServer } from './throwaway-server.js';

export { cleanEnvironment, runBelay } from './run-belay.js';
export {
  createTestDatabase,
  createTestRole,
  type TestDatabase,
  type TestRole,
  withDatabase,
  withSession,
} from './test-database.js';
export {
  startThrowawayServer,
  type TestServer,
  type ThrowawayServer,
} from './throwaway-server.js';

/**
 * The servers that this run started, one of each version, for
 * `describe.each(testServers())('$name', (server) => …)`.
 */
export function testServers(): readonly TestServer[] {
  return inject('testServers');
}
