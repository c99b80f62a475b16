import { type ConnectionSettings, type HostAddress, isLocalServer } from '../postgres/settings.js';

/** One word for every way to write this machine. */
function serverKey(settings: ConnectionSettings, address: HostAddress): string {
  const isLocal = isLocalServer({ ...settings, hosts: [address] });
  const host = isLocal ? 'this machine' : address.host.toLowerCase().replace(/\.$/, '');
  return `${host}:${address.port}`;
}

function serverKeys(settings: ConnectionSettings): Set<string> {
  return new Set(settings.hosts.map((address) => serverKey(settings, address)));
}

/** The same database on the same servers; user and password do not matter. */
export function isSameTarget(left: ConnectionSettings, right: ConnectionSettings): boolean {
  const [leftKeys, rightKeys] = [serverKeys(left), serverKeys(right)];
  return (
    left.database === right.database &&
    leftKeys.size === rightKeys.size &&
    [...leftKeys].every((key) => rightKeys.has(key))
  );
}

/** The same database on at least one server in common. */
export function mayBeSameTarget(left: ConnectionSettings, right: ConnectionSettings): boolean {
  const rightKeys = serverKeys(right);
  return (
    left.database === right.database && [...serverKeys(left)].some((key) => rightKeys.has(key))
  );
}
