/** `belaydb/testing`: a database of its own for each test, or each file of tests. */
export { BelayError } from '../errors.js';
export type {
  TestCommand,
  TestDatabase,
  TestDatabaseStep,
  TestDatabases,
  TestDatabasesOptions,
} from './options.js';
export { setupTestDatabases, type TeardownTestDatabases } from './setup.js';
export { testDatabases } from './test-databases.js';
export {
  type CurrentTestDatabase,
  type TestHooks,
  type UseTestDatabaseOptions,
  useTestDatabase,
} from './use-test-database.js';
