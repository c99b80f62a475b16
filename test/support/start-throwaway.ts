/** Starts a throwaway server in the folder it is given, prints it, and goes on until it is killed. */
import { withThrowawayCluster } from '../../src/process/throwaway-cluster.js';

const [home = '', major] = process.argv.slice(2);
await withThrowawayCluster({ home, major: Number(major), env: process.env }, async (server) => {
  process.stdout.write(`${JSON.stringify(server)}\n`);
  await new Promise((resolve) => setTimeout(resolve, 600_000));
});
