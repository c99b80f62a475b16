import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Writes a file of the sources with all that it imports as one JavaScript module: for a test that needs a process of
 * its own with one part of Belay as it is now.
 * @returns the path of the module
 */
export async function bundleTo(folder: string, file: string): Promise<string> {
  const outfile = join(folder, 'bundled.mjs');
  await build({
    ...{ entryPoints: [join(root, file)], outfile, bundle: true, format: 'esm' },
    ...{ platform: 'node', target: 'node20', packages: 'external', logLevel: 'silent' },
  });
  return outfile;
}
