const kept = new Set(['PATH', 'LANG', 'TZ', 'TMPDIR', 'TEMP', 'TMP', 'LD_LIBRARY_PATH']);
const keptOnWindows = new Set(['SYSTEMROOT', 'SYSTEMDRIVE', 'WINDIR', 'COMSPEC']);

/**
 * The environment for a server and for what sets it up: a few harmless variables. Not the whole of
 * the caller's, because a server outlives the command and would keep the caller's secrets, and
 * because `PG*` variables would change what it does.
 */
export function serverEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const entries = Object.entries(env).filter(([name]) => {
    const upper = name.toUpperCase();
    return kept.has(upper) || keptOnWindows.has(upper) || /^LC_[A-Z]+$/.test(name);
  });
  // Messages in one language: the log is shown to people who may have to search for it.
  return { ...Object.fromEntries(entries), LC_MESSAGES: 'C' };
}
