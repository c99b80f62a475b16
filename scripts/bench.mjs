/**
 * Runs bench/main.ts. On Linux as root it runs in a mount namespace of its own: whatever is mounted for the
 * comparison is unmounted by the kernel when the last process in it has ended, even after kill -9.
 */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../bench/main.ts', import.meta.url));
const root = fileURLToPath(new URL('..', import.meta.url));
const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
const isolated = ['unshare', '--mount'];
const [tool, ...flags] = isolated;
const canIsolate = isRoot && spawnSync(tool, [...flags, 'true']).status === 0;

const node = [process.execPath, '--import', 'tsx', program, ...process.argv.slice(2)];
const [file, ...args] = canIsolate ? [...isolated, ...node] : node;
const child = spawn(file, args, {
  // tsx is looked up from here; paths that the user gave are resolved from where the user is.
  cwd: root,
  stdio: 'inherit',
  env: {
    ...process.env,
    BELAY_BENCH_CWD: process.cwd(),
    BELAY_BENCH_PRIVATE_MOUNTS: canIsolate ? '1' : '',
  },
});
// The child ends its servers before it ends; this program must not be gone before that.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    // Ctrl-C reaches the child from the terminal; a signal to this process alone is passed on.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
});
