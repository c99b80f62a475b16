import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** One end of a TCP connection, as both a server and the system see it. */
export interface SocketAddress {
  /** e.g. "127.0.0.1", "::1"; an IPv4 address in IPv6 is written as IPv4. */
  readonly address: string;
  readonly port: number;
}

interface TcpSocket {
  readonly local: SocketAddress;
  readonly inode: string;
}

/** Who has a connection: the given processes, another process of this machine, or nobody that can be seen from here. */
export type SocketOwner = 'processes' | 'others' | 'unknown';

/**
 * Tells whose the connections with these local ends are. Linux only: elsewhere nobody's can be told.
 * A process in another network namespace (a container) has connections that cannot be seen.
 */
export function socketOwners(
  ends: readonly SocketAddress[],
  pids: readonly number[],
): SocketOwner[] {
  if (process.platform !== 'linux' || ends.length === 0) return ends.map(() => 'unknown');
  const found = pids.map(localEndsOf);
  const ofProcesses = new Set(found.flatMap((one) => one ?? []));
  // Where one of the processes cannot be looked into, any connection may be its.
  const isBlind = found.includes(null);
  const ofMachine = new Set(readTcp('/proc/self/net').map(({ local }) => keyOf(local)));
  return ends.map((end) => {
    const key = keyOf(end);
    if (ofProcesses.has(key)) return 'processes';
    return ofMachine.has(key) && !isBlind ? 'others' : 'unknown';
  });
}

const keyOf = ({ address, port }: SocketAddress) => `${address} ${port}`;

/** Null: another user's, e.g. after `sudo`. */
function localEndsOf(pid: number): string[] | null {
  const inodes = socketInodes(pid);
  // Of the process: it may be in a network namespace of its own.
  return (
    inodes &&
    readTcp(`/proc/${pid}/net`)
      .filter(({ inode }) => inodes.has(inode))
      .map(({ local }) => keyOf(local))
  );
}

function socketInodes(pid: number): Set<string> | null {
  const inodes = new Set<string>();
  try {
    for (const name of readdirSync(`/proc/${pid}/fd`)) {
      const link = linkOf(`/proc/${pid}/fd/${name}`);
      const inode = /^socket:\[(\d+)\]$/.exec(link)?.[1];
      if (inode !== undefined) inodes.add(inode);
    }
    return inodes;
  } catch (error) {
    // Gone meanwhile, it has none; all else is not ours to look at.
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? inodes : null;
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}

function readTcp(folder: string): TcpSocket[] {
  return ['tcp', 'tcp6'].flatMap((name) => {
    try {
      return parseTcpTable(readFileSync(`${folder}/${name}`, 'latin1'));
    } catch {
      // A kernel without IPv6 has no tcp6.
      return [];
    }
  });
}

/** Reads the text of /proc/net/tcp or tcp6. */
export function parseTcpTable(text: string): TcpSocket[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [address = '', port = ''] = (fields[1] ?? '').split(':');
      const inode = fields[9];
      if (inode === undefined || inode === '0') return [];
      return [{ local: { address: addressOf(address), port: Number.parseInt(port, 16) }, inode }];
    });
}

/** The kernel prints each 32-bit word in the machine's own byte order. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  if (isLittleEndian) bytes.swap32();
  if (bytes.length === 4) return bytes.join('.');
  const isMapped = bytes.subarray(0, 12).equals(mappedPrefix);
  return isMapped ? bytes.subarray(12).join('.') : plainAddress(groupsOf(bytes));
}

const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
const mappedPrefix = Buffer.from('00000000000000000000ffff', 'hex');

const groupsOf = (bytes: Buffer) =>
  Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16)).join(':');

/** One way to write an address, e.g. "::1". */
function plainAddress(address: string): string {
  // The parser of URLs follows RFC 5952, as PostgreSQL's host() does.
  return new URL(`http://[${address}]/`).hostname.slice(1, -1);
}

/** An address as a server prints it, written as this file does. */
export function normalAddress(address: string): string {
  const bare = address.replace(/%.*$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  return bare.includes(':') ? plainAddress(bare) : bare;
}
