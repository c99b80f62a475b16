/** Where to connect: the front of the files that know libpq's rules. */
export type { ConnectionSettings, HostAddress } from './connection-settings.js';
export { connectionUrl, describeServer, isLocalServer } from './connection-url.js';
export { redactUrl } from './redact-url.js';
export { hasConnectionEnvironment, resolveConnection } from './resolve-connection.js';
