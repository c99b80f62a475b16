// `npm run demo`: from a fresh clone with nothing but Node. Starts a PostgreSQL of its own, plays the
// story of the README on it, and removes everything again.
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { prepare } from './prepare.mjs';

const startedAt = performance.now();
prepare((line) => console.error(line));
const { Story } = await import('../demo/story.mjs');

const home = await mkdtemp(path.join(tmpdir(), 'belay-demo-'));
// A server of root's runs as another user, who must be able to get here.
await chmod(home, 0o755);
const story = new Story({ home, isTerminal: process.stdout.isTTY === true });

let cleaning;
const cleanUp = () => {
  cleaning ??= (async () => {
    await story.cleanUp();
    await rm(home, { recursive: true, force: true });
  })();
  return cleaning;
};
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.on(signal, () => cleanUp().finally(() => process.exit(code)));
}

try {
  await story.play();
} catch (error) {
  console.error(`the demonstration failed: ${error.message}`);
  process.exitCode = 1;
} finally {
  await cleanUp();
}
const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
console.log(`\nDone in ${seconds} s; the server and its data are removed again.`);
