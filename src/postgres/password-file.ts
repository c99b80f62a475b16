import { readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import type { HostAddress } from './connection-settings.js';

/** What a line of the passfile is compared with. */
interface PasswordRequest {
  readonly hosts: readonly HostAddress[];
  readonly user: string;
  readonly database: string;
  /** The socket directories that count as "localhost" in the file. */
  readonly defaultSocketDirectories: readonly string[];
}

/** `~/.pgpass`, or its place on Windows. */
export function defaultPasswordFile(env: NodeJS.ProcessEnv, home: string): string {
  return process.platform === 'win32'
    ? path.join(env.APPDATA ?? home, 'postgresql', 'pgpass.conf')
    : path.join(home, '.pgpass');
}

/**
 * The password of the first host that has one in the file. (The `pgpass` package takes no path and
 * no environment and writes warnings of its own.)
 */
export async function readPasswordFile(
  file: string,
  request: PasswordRequest,
): Promise<string | undefined> {
  const text = await readPrivateFile(file);
  if (text === undefined) return undefined;
  for (const host of request.hosts) {
    const password = findPassword(text, host, request);
    if (password !== undefined) return password;
  }
  return undefined;
}

/** As libpq: a file that others can read is no safe place for a password, so it does not count. */
async function readPrivateFile(file: string): Promise<string | undefined> {
  try {
    const info = await stat(file);
    const open = process.platform !== 'win32' && (info.mode & 0o077) !== 0;
    return info.isFile() && !open ? await readFile(file, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}

function findPassword(
  text: string,
  address: HostAddress,
  request: PasswordRequest,
): string | undefined {
  const isDefaultSocket = request.defaultSocketDirectories.includes(address.host);
  const wanted = [
    isDefaultSocket ? 'localhost' : address.host,
    String(address.port),
    request.database,
    request.user,
  ];
  for (const line of text.split(/\r?\n/)) {
    if (line === '' || line.startsWith('#')) continue;
    const fields = splitFields(line);
    const matches = wanted.every((value, index) => {
      const field = fields[index];
      return field !== undefined && (field.raw === '*' || field.value === value);
    });
    const password = fields[4]?.value;
    if (matches && password) return password;
  }
  return undefined;
}

/** Fields end at `:`; `\:` and `\\` stand for themselves. The raw form tells `*` from `\*`. */
function splitFields(line: string): { raw: string; value: string }[] {
  return (line.match(/(?:\\.|[^:\\])*(?:\\$)?(?::|$)/g) ?? []).map((part) => {
    const raw = part.endsWith(':') ? part.slice(0, -1) : part;
    return { raw, value: raw.replace(/\\(.)/g, '$1') };
  });
}
