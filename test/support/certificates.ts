import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runProgram } from '../../src/process/run.js';
import { findServerUser } from '../../src/process/server-user.js';

export interface TestCertificates {
  /** Of the authority that signed the others. */
  readonly rootCertFile: string;
  /** Of an authority that signed none of them. */
  readonly otherRootCertFile: string;
  /** Of the server, for the name "localhost" alone. */
  readonly serverCertFile: string;
  readonly serverKeyFile: string;
  /** Of the client, for the user "postgres". */
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
}

async function openssl(folder: string, ...args: string[]): Promise<void> {
  await runProgram('openssl', args, { cwd: folder, mustSucceed: true });
}

async function makeAuthority(folder: string, name: string): Promise<void> {
  await openssl(
    folder,
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
    ...['-keyout', `${name}.key`, '-out', `${name}.crt`],
  );
}

async function sign(folder: string, name: string, subject: string, extension: string) {
  await openssl(
    folder,
    ...['req', '-newkey', 'rsa:2048', '-nodes', '-subj', `/CN=${subject}`],
    ...['-keyout', `${name}.key`, '-out', `${name}.csr`],
  );
  writeFileSync(join(folder, `${name}.ext`), `${extension}\n`);
  await openssl(
    folder,
    ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'root.crt', '-CAkey', 'root.key'],
    ...['-CAcreateserial', '-days', '2', '-extfile', `${name}.ext`, '-out', `${name}.crt`],
  );
}

/** Makes an authority, a server's certificate and a client's in a folder that the server can enter. */
export async function makeCertificates(folder: string): Promise<TestCertificates> {
  await makeAuthority(folder, 'root');
  await makeAuthority(folder, 'other');
  await sign(folder, 'server', 'belay test server', 'subjectAltName=DNS:localhost');
  await sign(folder, 'client', 'postgres', 'extendedKeyUsage=clientAuth');
  const at = (name: string) => join(folder, name);
  // The server refuses a key that others may read, or that belongs to somebody else.
  chmodSync(at('server.key'), 0o600);
  const { uid, gid } = await findServerUser();
  if (uid !== undefined && gid !== undefined) chownSync(at('server.key'), uid, gid);
  return {
    rootCertFile: at('root.crt'),
    otherRootCertFile: at('other.crt'),
    serverCertFile: at('server.crt'),
    serverKeyFile: at('server.key'),
    clientCertFile: at('client.crt'),
    clientKeyFile: at('client.key'),
  };
}
