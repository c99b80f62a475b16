import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A server that speaks just enough of the wire protocol to say which PostgreSQL it claims to be. */
export interface FakeServer {
  readonly url: string;
  close(): Promise<void>;
}

const sslRequestCode = 80877103;

function message(type: string, ...parts: (string | number | Buffer)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) => {
      if (typeof part === 'string') return Buffer.from(`${part}\0`);
      if (typeof part !== 'number') return part;
      const buffer = Buffer.alloc(4);
      buffer.writeInt32BE(part);
      return buffer;
    }),
  );
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

const int16 = (value: number) => {
  const buffer = Buffer.alloc(2);
  buffer.writeInt16BE(value);
  return buffer;
};

/** A result of integer columns with one row. */
function oneRow(row: Readonly<Record<string, number>>): Buffer {
  const columns = Object.entries(row);
  const described = columns.flatMap(([name]) => [name, 0, int16(0), 23, int16(4), -1, int16(0)]);
  const values = columns.flatMap(([, value]) => {
    const text = Buffer.from(String(value));
    return [text.length, text];
  });
  return Buffer.concat([
    message('T', int16(columns.length), ...described),
    message('D', int16(columns.length), ...values),
    message('C', 'SELECT 1'),
  ]);
}

const ready = message('Z', Buffer.from('I'));

function greet(socket: Socket, version: string): void {
  socket.write(
    Buffer.concat([
      message('R', 0),
      message('S', 'server_version', version),
      message('S', 'client_encoding', 'UTF8'),
      message('K', 4711, 815),
      ready,
    ]),
  );
}

/** The first whole packet of what has arrived; the very first one of a connection has no type. */
function firstPacket(buffer: Buffer, started: boolean): Buffer | undefined {
  const at = started ? 1 : 0;
  if (buffer.length < at + 4) return undefined;
  const length = buffer.readInt32BE(at) + at;
  return buffer.length < length ? undefined : buffer.subarray(0, length);
}

function answer(socket: Socket, packet: Buffer, versionNumber: number): void {
  if (packet[0] !== 'Q'.charCodeAt(0)) {
    socket.end();
    return;
  }
  const isVersion = packet.includes('server_version_num');
  const result = isVersion ? oneRow({ pid: 4711, version: versionNumber }) : message('C', 'SET');
  socket.write(Buffer.concat([result, ready]));
}

function serve(socket: Socket, version: string, versionNumber: number): void {
  let started = false;
  let buffer = Buffer.alloc(0);
  const receive = (packet: Buffer) => {
    if (started) answer(socket, packet, versionNumber);
    else if (packet.readInt32BE(4) === sslRequestCode) socket.write('N');
    else {
      started = true;
      greet(socket, version);
    }
  };
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (let packet = firstPacket(buffer, started); packet; packet = firstPacket(buffer, started)) {
      buffer = buffer.subarray(packet.length);
      receive(packet);
    }
  });
}

/** Listens on a free port of 127.0.0.1. Close it. */
export async function startFakeServer(version: string, versionNumber: number): Promise<FakeServer> {
  const server = createServer((socket) => serve(socket, version, versionNumber));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `postgres://someone:s3cret-word@127.0.0.1:${port}/shop`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
