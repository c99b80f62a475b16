import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { badUrl, type ConnectionParameters, keepKnown } from './connection-string.js';

/** Where Debian and Red Hat build libpq to look when PGSYSCONFDIR is not set. */
const systemDirectories = ['/etc/postgresql-common', '/etc/sysconfig/pgsql', '/etc'];

/**
 * The parameters of one service, from the user's service file or else the system's.
 * @throws BelayError BAD_URL when no file defines the service
 */
export async function readService(
  name: string,
  env: NodeJS.ProcessEnv,
  home: string,
): Promise<ConnectionParameters> {
  const files = [
    env.PGSERVICEFILE || path.join(home, '.pg_service.conf'),
    ...(env.PGSYSCONFDIR ? [env.PGSYSCONFDIR] : systemDirectories).map((directory) =>
      path.join(directory, 'pg_service.conf'),
    ),
  ];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => undefined);
    const parameters = text === undefined ? undefined : parseServiceFile(text, name);
    if (parameters) return parameters;
  }
  throw badUrl(
    `no service file defines the service "${name}"`,
    `Add a [${name}] section to ${files[0]}, or set PGSERVICEFILE.`,
  );
}

/** One section of a service file, or undefined when it is not there. */
function parseServiceFile(text: string, name: string): ConnectionParameters | undefined {
  let inSection = false;
  let found = false;
  const pairs: [string, string][] = [];
  for (const rawLine of text.split('\n')) {
    const line = rawLine.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('[')) {
      // libpq takes the first section of a name and reads no further.
      if (found) break;
      inSection = line === `[${name}]`;
      found = inSection;
      continue;
    }
    const equals = line.indexOf('=');
    if (!inSection || equals === -1) continue;
    const key = line.slice(0, equals);
    if (key === 'service') continue;
    // The first value wins, so later ones must not overwrite it.
    if (!pairs.some(([known]) => known === key)) pairs.push([key, line.slice(equals + 1)]);
  }
  return found ? keepKnown(pairs) : undefined;
}
