import path from 'node:path';
import {
  type ConnectionSettings,
  type HostAddress,
  isLocalServer,
} from '../../postgres/settings.js';

/**
 * What every way to write one database has in common: its servers and its name, whoever connects. Several hosts are one key whatever
 * their order.
 *
 * @example
 * targetKey(settings); // "db.example.com:5432/shop"
 */
export function targetKey(settings: ConnectionSettings): string {
  const servers = settings.hosts.map((address) => serverOf(settings, address));
  return `${[...new Set(servers)].sort().join(',')}/${settings.database}`;
}

/** A socket's folder, "localhost" and 127.0.0.1 are one server where the port is the same. */
function serverOf(settings: ConnectionSettings, address: HostAddress): string {
  if (isLocalServer({ ...settings, hosts: [address] })) return `localhost:${address.port}`;
  // Where an address is given, the connection goes there, whatever the name is.
  const host = (address.address ?? address.host).toLowerCase().replace(/\.$/, '');
  return `${host}:${address.port}`;
}

/** Of a database that only an agent reaches: nothing more is known of it. */
export const agentKey = (name: string): string => `agent:${name}`;

/**
 * Whether two ways to write a server, as snapshots and ledger entries have them ("host:port"), mean the same one.
 *
 * @example
 * isSameServer('localhost:5432', '/var/run/postgresql:5432'); // true
 */
export function isSameServer(a: string, b: string): boolean {
  return canonical(a) === canonical(b);
}

function canonical(server: string): string {
  const at = server.lastIndexOf(':');
  const host = server
    .slice(0, at)
    .replace(/^\[|\]$/g, '')
    .toLowerCase();
  const isLocal =
    path.isAbsolute(host) || /^(?:localhost|::1|(?:::ffff:)?127(?:\.\d{1,3}){3})$/.test(host);
  return `${isLocal ? 'localhost' : host}${server.slice(at)}`;
}
