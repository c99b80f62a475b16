// Installs and builds what is missing or stale, so that one command works from a fresh clone.
import { spawnSync } from 'node:child_process';
import { readdirSync, rmSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...names) => path.join(root, ...names);

function modifiedAt(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** The newest file or folder: a folder changes when a file in it goes. */
function newestIn(folder) {
  const entries = readdirSync(folder, { withFileTypes: true });
  const times = entries.map((entry) => {
    const file = path.join(folder, entry.name);
    return entry.isDirectory() ? newestIn(file) : modifiedAt(file);
  });
  return Math.max(modifiedAt(folder), ...times);
}

const sources = () => [at('src'), at('dashboard', 'src')];

/** npm's own script where npm runs this one: no search in PATH, and no shell on Windows. */
function runNpm(args) {
  const script = process.env.npm_execpath;
  const options = { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] };
  const { status } = script?.endsWith('.js')
    ? spawnSync(process.execPath, [script, ...args], options)
    : spawnSync('npm', args, { ...options, shell: process.platform === 'win32' });
  if (status !== 0) throw new Error(`npm ${args[0]} ${args[1] ?? ''} failed`);
}

/** @param {(line: string) => void} say told what takes a while */
export function prepare(say) {
  const installedAt = modifiedAt(at('node_modules', '.package-lock.json'));
  if (installedAt < modifiedAt(at('package-lock.json'))) {
    say('installing dependencies …');
    runNpm(['ci', '--include=dev', '--loglevel=error']);
  }
  const builtAt = modifiedAt(at('dist', 'bin', 'main.js'));
  if (builtAt < Math.max(...sources().map(newestIn), modifiedAt(at('package.json')))) {
    say('building …');
    try {
      runNpm(['run', 'build', '--silent']);
    } catch (error) {
      // The compiler writes in spite of errors: half a build must not look like a new one next time.
      rmSync(at('dist'), { recursive: true, force: true });
      throw error;
    }
  }
}
