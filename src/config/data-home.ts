import os from 'node:os';
import path from 'node:path';

/**
 * The folder for what Belay keeps for this user: the default store, the local server.
 * BELAY_HOME, else XDG_DATA_HOME/belay, else the platform's place. Not created here.
 */
export function dataHome(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
): string {
  if (env.BELAY_HOME) return path.resolve(env.BELAY_HOME);
  const home = env.HOME || os.homedir();
  if (platform === 'win32') {
    return path.join(env.LOCALAPPDATA || path.join(home, 'AppData', 'Local'), 'belay');
  }
  // The XDG rules: a relative path is invalid and does not count.
  if (env.XDG_DATA_HOME && path.isAbsolute(env.XDG_DATA_HOME)) {
    return path.join(env.XDG_DATA_HOME, 'belay');
  }
  if (platform === 'darwin') return path.join(home, 'Library', 'Application Support', 'belay');
  return path.join(home, '.local', 'share', 'belay');
}
