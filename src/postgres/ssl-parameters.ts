import { access } from 'node:fs/promises';
import path from 'node:path';
import {
  type HostAddress,
  isSocketDirectory,
  type SslMode,
  type SslSettings,
} from './connection-settings.js';
import { badUrl, type ConnectionParameters } from './connection-string.js';

export async function pathExists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

const sslModes: readonly string[] = [
  'disable',
  'allow',
  'prefer',
  'require',
  'verify-ca',
  'verify-full',
] satisfies SslMode[];

function readSslMode(parameters: ConnectionParameters): SslMode {
  const isSystem = parameters.sslrootcert === 'system';
  const text = parameters.sslmode ?? (isSystem ? 'verify-full' : 'prefer');
  if (text === 'no-verify') return 'require';
  if (!sslModes.includes(text)) {
    throw badUrl('sslmode has a value that libpq does not know', `Use ${sslModes.join(', ')}.`);
  }
  if (isSystem && text !== 'verify-full') {
    // Anybody can get a certificate from a public authority: only the name tells servers apart.
    throw badUrl(
      'sslrootcert=system needs sslmode=verify-full',
      'Leave sslmode out, or change it.',
    );
  }
  return text as SslMode;
}

/** Adds what libpq looks for in `~/.postgresql` when the parameters are silent. */
export async function readSsl(
  parameters: ConnectionParameters,
  hosts: readonly HostAddress[],
  home: string,
  fromCwd: (file: string) => string,
): Promise<SslSettings> {
  const mode = readSslMode(parameters);
  const personal = (name: string) => path.join(home, '.postgresql', name);
  const usesTls = mode !== 'disable' && hosts.some(({ host }) => !isSocketDirectory(host));
  if (!usesTls) return { mode };
  const findFile = async (given: string | undefined, name: string) => {
    if (given !== undefined) return fromCwd(given);
    return (await pathExists(personal(name))) ? personal(name) : undefined;
  };

  const certFile = await findFile(parameters.sslcert, 'postgresql.crt');
  const keyFile = await findFile(parameters.sslkey, 'postgresql.key');
  const rootCertFile = await findRootCertificate(parameters, mode, findFile);
  return {
    mode,
    ...(rootCertFile === undefined ? {} : { rootCertFile }),
    // Prisma's sslcert is the server's authority and comes without a key: no client certificate.
    ...(certFile && keyFile ? { certFile, keyFile } : {}),
  };
}

async function findRootCertificate(
  parameters: ConnectionParameters,
  mode: SslMode,
  findFile: (given: string | undefined, name: string) => Promise<string | undefined>,
): Promise<string | undefined> {
  const given = parameters.sslrootcert;
  if (given === 'system') return given;
  // node-pg's word for "encrypt and never check".
  if (parameters.sslmode === 'no-verify') return undefined;
  if (mode === 'allow' || mode === 'prefer') return given && findFile(given, 'root.crt');
  const file = await findFile(given, 'root.crt');
  if (file) return file;
  if (mode === 'require') return undefined;
  // libpq would refuse to verify without a file; the public authorities and the name verify no less.
  if (mode === 'verify-full') return 'system';
  throw badUrl(
    'sslmode=verify-ca needs a root certificate',
    'Give sslrootcert=FILE (or PGSSLROOTCERT), or use sslmode=verify-full.',
  );
}
