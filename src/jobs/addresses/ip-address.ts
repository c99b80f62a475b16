import { isIPv4, isIPv6 } from 'node:net';

/** An address as its bytes: 4 or 16 of them. */
export type IpBytes = readonly number[];

export interface IpRange {
  readonly bytes: IpBytes;
  /** How many leading bits count. */
  readonly bits: number;
}

/**
 * @param text as resolvers give it, e.g. "10.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0"
 * @returns undefined where it is none
 */
export function parseIp(text: string): IpBytes | undefined {
  if (isIPv4(text)) return text.split('.').map(Number);
  return isIPv6(text) ? parseIpv6(text.replace(/%.*$/, '')) : undefined;
}

/** @param text e.g. "10.0.0.0/8" or a single address */
export function parseIpRange(text: string): IpRange | undefined {
  const [address = '', length, ...more] = text.split('/');
  const bytes = parseIp(address);
  if (bytes === undefined || more.length > 0) return undefined;
  if (length === undefined) return { bytes, bits: bytes.length * 8 };
  if (!/^\d{1,3}$/.test(length) || Number(length) > bytes.length * 8) return undefined;
  return { bytes, bits: Number(length) };
}

export function isWithin(address: IpBytes, range: IpRange): boolean {
  if (address.length !== range.bytes.length) return false;
  return address.every((byte, index) => {
    const counted = Math.min(8, Math.max(0, range.bits - index * 8));
    const mask = (0xff << (8 - counted)) & 0xff;
    return (byte & mask) === ((range.bytes[index] ?? 0) & mask);
  });
}

/**
 * Why a server must not call an address that somebody typed; undefined: it is one of the public internet. Of IPv6 that is
 * 2000::/3 without what carries an IPv4 address inside: forms like 6to4 and NAT64 lead to places that cannot be judged from here.
 */
export function whyNotPublic(address: IpBytes): string | undefined {
  const known = address.length === 4 ? notPublicIpv4 : notPublicIpv6;
  const found = known.find(({ range }) => isWithin(address, range));
  if (found !== undefined) return found.what;
  if (address.length === 4 || isWithin(address, globalUnicast)) return undefined;
  return 'not an address of the public internet';
}

function parseIpv6(text: string): IpBytes {
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const [head, last] = tail === null ? [text, []] : [tail[1] ?? '', parseIp(tail[2] ?? '') ?? []];
  const [front = '', back] = head.split('::');
  const before = groups(front);
  const after = [...groups(back ?? ''), ...last];
  if (back === undefined) return [...before, ...last];
  const missing = 16 - before.length - after.length;
  return [...before, ...Array<number>(missing).fill(0), ...after];
}

function groups(text: string): number[] {
  const words = text.split(':').filter((word) => word !== '');
  return words.flatMap((word) => {
    const value = Number.parseInt(word, 16);
    return [value >> 8, value & 0xff];
  });
}

const named = (what: string, ...ranges: readonly string[]) =>
  ranges.map((text) => ({ what, range: parseIpRange(text) as IpRange }));

// The special-purpose registries of IANA, and what clouds have made of addresses that look public.
const notPublicIpv4 = [
  ...named('this machine (loopback)', '127.0.0.0/8', '0.0.0.0/8'),
  ...named('a private network', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16'),
  ...named('link-local, where clouds have their metadata', '169.254.0.0/16'),
  ...named('the platform’s own address in Azure', '168.63.129.16/32'),
  ...named('shared by a provider’s customers (CGNAT)', '100.64.0.0/10'),
  ...named('for protocols only', '192.0.0.0/24', '192.88.99.0/24'),
  ...named('for documentation and tests', '192.0.2.0/24', '198.18.0.0/15', '198.51.100.0/24'),
  ...named('for documentation and tests', '203.0.113.0/24'),
  ...named('multicast', '224.0.0.0/4'),
  ...named('reserved', '240.0.0.0/4'),
];

const globalUnicast = parseIpRange('2000::/3') as IpRange;
const notPublicIpv6 = [
  ...named('this machine (loopback)', '::1/128', '::/128'),
  ...named('an IPv4 address in IPv6', '::ffff:0:0/96', '::ffff:0:0:0/96', '::/96'),
  ...named('an IPv4 address behind NAT64', '64:ff9b::/96', '64:ff9b:1::/48'),
  ...named('an IPv4 address in 6to4', '2002::/16'),
  ...named('for protocols only', '2001::/23', '100::/64'),
  ...named('for documentation and tests', '2001:db8::/32', '3fff::/20'),
  ...named('a private network (unique local)', 'fc00::/7'),
  ...named('link-local', 'fe80::/10', 'fec0::/10'),
  ...named('multicast', 'ff00::/8'),
];
