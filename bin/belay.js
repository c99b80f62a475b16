#!/usr/bin/env node
import { readFileSync } from 'node:fs';

const version = process.argv[2];
if (process.argv.length === 3 && (version === '--version' || version === '-V')) {
  // Answered before anything is loaded: prompts and scripts ask often.
  const { version: own } = JSON.parse(
    readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
  process.stdout.write(`${own}\n`);
} else if (isQuick(process.argv.slice(2))) {
  // What git's hooks and prompts ask: people wait for it, and most of the time there is nothing to do.
  const { hookMain } = await import('../dist/bin/hook.js').catch(notBuilt);
  await hookMain(process.argv.slice(2));
} else {
  const { main } = await import('../dist/bin/main.js').catch(notBuilt);
  await main();
}

function isQuick([command, second, ...others]) {
  return (
    (command === 'git' && second === 'hook' && others.length > 0) ||
    (command === 'env' && second === '--prompt' && others.length === 0)
  );
}

function notBuilt(error) {
  if (error?.code !== 'ERR_MODULE_NOT_FOUND' || !String(error.message).includes('dist'))
    throw error;
  process.stderr.write('error: Belay is not built\nhint:  run `npm ci && npm run build` first\n');
  process.exit(1);
}
