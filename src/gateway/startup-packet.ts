import { readCString, requestCodes } from './protocol.js';

/** What a client says before anything else. */
export type StartupPacket =
  | { readonly type: 'ssl' }
  | { readonly type: 'gss' }
  /** The key of the session whose statement is to be cancelled, as it was given out. */
  | { readonly type: 'cancel'; readonly key: Buffer }
  | {
      readonly type: 'startup';
      readonly minor: number;
      /** In the order in which they came. */
      readonly parameters: ReadonlyMap<string, string>;
      /** Names of protocol options ("_pq_.…"), which are no settings. */
      readonly protocolOptions: readonly string[];
    }
  /** Another major version than 3. */
  | { readonly type: 'unsupported'; readonly version: string }
  | { readonly type: 'malformed' };

const malformed: StartupPacket = { type: 'malformed' };

/** Longest key that protocol 3.2 allows, and the process id before it. */
const maxKeyBytes = 4 + 256;

/** Reads one whole packet, its length included. Never throws: anybody can send anything. */
export function parseStartupPacket(bytes: Buffer): StartupPacket {
  if (bytes.length < 8 || bytes.readInt32BE(0) !== bytes.length) return malformed;
  const request = bytes.readInt32BE(4);
  if (request === requestCodes.ssl || request === requestCodes.gssEncryption) {
    if (bytes.length !== 8) return malformed;
    return { type: request === requestCodes.ssl ? 'ssl' : 'gss' };
  }
  if (request === requestCodes.cancel) {
    const key = bytes.subarray(8);
    return key.length < 8 || key.length > maxKeyBytes ? malformed : { type: 'cancel', key };
  }
  const [major, minor] = [request >>> 16, request & 0xffff];
  if (major !== 3) return { type: 'unsupported', version: `${major}.${minor}` };
  return parseParameters(bytes, minor);
}

function parseParameters(bytes: Buffer, minor: number): StartupPacket {
  const parameters = new Map<string, string>();
  const protocolOptions: string[] = [];
  let at = 8;
  while (at < bytes.length && bytes[at] !== 0) {
    const name = readCString(bytes, at);
    const value = name && readCString(bytes, name.next);
    if (!value) return malformed;
    if (name.text.startsWith('_pq_.')) protocolOptions.push(name.text);
    else parameters.set(name.text, value.text);
    at = value.next;
  }
  // A single zero ends the list, and with it the packet.
  if (at !== bytes.length - 1) return malformed;
  return { type: 'startup', minor, parameters, protocolOptions };
}
