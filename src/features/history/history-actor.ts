import { hostname, userInfo } from 'node:os';

/** User and host on the machine where Belay runs. */
export function whoRuns(): { readonly user: string; readonly host: string } {
  return { user: userName(), host: hostname() };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // In containers a user may have a number and no name.
    return String(process.getuid?.() ?? 'unknown');
  }
}
