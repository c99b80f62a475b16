import { main } from '../../src/cli/main.js';

// The command line as it is in the sources, for tests that need it as a process of its own.
await main();
