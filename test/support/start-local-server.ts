/** Starts a local server in the folder it is given, prints it, and goes on until it is killed. */
import { startLocalServer } from '../../src/features/local/start.js';

const [home, major] = process.argv.slice(2);
const server = await startLocalServer({ home, major: Number(major) });
process.stdout.write(`${JSON.stringify(server)}\n`);
setInterval(() => {}, 60_000);
