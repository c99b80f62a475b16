/**
 * The parts of PostgreSQL's wire protocol 3.0 that a gateway reads and writes itself. Everything else passes through as
 * bytes: see "Message Formats" in PostgreSQL's manual.
 */

const code = (letter: string): number => letter.charCodeAt(0);

/** First bytes of messages from a client. */
export const frontend = {
  bind: code('B'),
  close: code('C'),
  copyData: code('d'),
  copyDone: code('c'),
  copyFail: code('f'),
  describe: code('D'),
  execute: code('E'),
  flush: code('H'),
  functionCall: code('F'),
  parse: code('P'),
  password: code('p'),
  query: code('Q'),
  sync: code('S'),
  terminate: code('X'),
} as const;

/** First bytes of messages from a server. */
export const backend = {
  authentication: code('R'),
  closeComplete: code('3'),
  copyBoth: code('W'),
  copyIn: code('G'),
  dataRow: code('D'),
  error: code('E'),
  keyData: code('K'),
  negotiateVersion: code('v'),
  noData: code('n'),
  notice: code('N'),
  notification: code('A'),
  parameterDescription: code('t'),
  parameterStatus: code('S'),
  parseComplete: code('1'),
  ready: code('Z'),
  rowDescription: code('T'),
} as const;

/** Kinds of authentication that a server asks for. */
export const authentication = {
  ok: 0,
  cleartext: 3,
  md5: 5,
  sasl: 10,
  saslContinue: 11,
  saslFinal: 12,
} as const;

/** What stands where a startup packet has its version. */
export const requestCodes = { cancel: 80877102, ssl: 80877103, gssEncryption: 80877104 } as const;

/** PostgreSQL's own bound for a packet that arrives before anybody is known. */
export const maxStartupBytes = 10_000;

const protocolVersion = 3 << 16;

/** State of a session between two requests, as ReadyForQuery tells it. */
export const transactionStatus = { idle: code('I'), open: code('T'), failed: code('E') } as const;

export function cString(text: string): Buffer {
  return Buffer.from(`${text}\0`);
}

export function int32(value: number): Buffer {
  const buffer = Buffer.allocUnsafe(4);
  buffer.writeInt32BE(value);
  return buffer;
}

/** One message: its type, its length, its parts. */
export function message(type: number, ...parts: readonly Buffer[]): Buffer {
  let length = 4;
  for (const part of parts) length += part.length;
  const head = Buffer.allocUnsafe(5);
  head[0] = type;
  head.writeInt32BE(length, 1);
  return Buffer.concat([head, ...parts]);
}

/** A packet without a type, as the first one of a connection. */
export function packet(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length + 4), body]);
}

export function startupPacket(parameters: Iterable<readonly [string, string]>): Buffer {
  const pairs = [...parameters].flatMap(([name, value]) => [cString(name), cString(value)]);
  return packet(int32(protocolVersion), ...pairs, Buffer.from([0]));
}

export function cancelRequest(key: Buffer): Buffer {
  return packet(int32(requestCodes.cancel), key);
}

export function authenticationMessage(kind: number, body: Buffer = Buffer.alloc(0)): Buffer {
  return message(backend.authentication, int32(kind), body);
}

export function parameterStatus(name: string, value: string): Buffer {
  return message(backend.parameterStatus, cString(name), cString(value));
}

export function readyForQuery(status: number): Buffer {
  return message(backend.ready, Buffer.from([status]));
}

/**
 * Tells a client that asked for a later protocol which one it gets.
 * @param unknown names of the protocol options ("_pq_.…") that are not known here
 */
export function negotiateVersion(unknown: readonly string[]): Buffer {
  const names = unknown.map(cString);
  return message(backend.negotiateVersion, int32(0), int32(names.length), ...names);
}

/** A text that ends with a zero byte, and where the next thing begins. */
export function readCString(
  buffer: Buffer,
  start: number,
  end = buffer.length,
): { readonly text: string; readonly next: number } | undefined {
  const stop = buffer.indexOf(0, start);
  if (stop === -1 || stop >= end) return undefined;
  return { text: buffer.toString('utf8', start, stop), next: stop + 1 };
}
