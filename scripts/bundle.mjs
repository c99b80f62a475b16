// Bundles the command line, compiled before, into a few files: loading some 170 small ones takes longer than
// most commands. Packages stay outside, and what a command does not need stays in files of its own.
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));

await build({
  // Hooks and prompts have an entry of their own, which loads next to nothing.
  entryPoints: [path.join(root, 'dist/cli/main.js'), path.join(root, 'dist/cli/hook.js')],
  outdir: path.join(root, 'dist/bin'),
  bundle: true,
  splitting: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  logLevel: 'warning',
});
