import { BelayError } from '../../errors.js';
import { type IpBytes, type IpRange, isWithin, parseIp, parseIpRange } from './ip-address.js';

/** What the person who runs the server has allowed beyond the public internet. */
export interface AllowedAddresses {
  /** Whether the URL's own host is allowed by name, at the port that the URL has. */
  hasHost(url: URL): boolean;
  hasIp(address: IpBytes, url: URL): boolean;
}

interface Entry {
  readonly host: string;
  readonly range: IpRange | undefined;
  /** Undefined: all ports. */
  readonly port: string | undefined;
}

/**
 * @param entries each "HOST", "HOST:PORT", "ADDRESS", "[IPV6]:PORT" or "10.2.0.0/16"
 * @throws BelayError USAGE
 */
export function parseAllowedAddresses(entries: readonly string[]): AllowedAddresses {
  const parsed = entries.map(parseEntry);
  const atPort = (url: URL) =>
    parsed.filter(({ port }) => port === undefined || port === portOf(url));
  return {
    hasHost: (url) => atPort(url).some(({ host }) => host === hostOf(url)),
    hasIp: (address, url) =>
      atPort(url).some(({ range }) => range !== undefined && isWithin(address, range)),
  };
}

/** The host without the brackets of IPv6 and the dot of the root. */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

function portOf(url: URL): string {
  if (url.port !== '') return url.port;
  return url.protocol === 'https:' ? '443' : '80';
}

function parseEntry(text: string): Entry {
  const range = parseIpRange(text.trim());
  if (range !== undefined) return { host: text.trim().toLowerCase(), range, port: undefined };
  const [, bracketed, name, port] =
    /^(?:\[([^\]]+)\]|([^:[\]/]+))(?::(\d{1,5}))?$/.exec(text.trim()) ?? [];
  const host = canonicalHost(bracketed === undefined ? name : `[${bracketed}]`);
  if (host === undefined || Number(port ?? 1) < 1 || Number(port ?? 1) > 65_535) {
    throw new BelayError('USAGE', `"${text}" is not an address that can be allowed`, {
      hint: 'Write a host with or without a port (hooks.internal:8443), an address, or a network (10.2.0.0/16). Several stand in BELAY_ALLOW_ADDRESSES separated by commas.',
    });
  }
  const address = parseIp(host);
  const own = address && { bytes: address, bits: address.length * 8 };
  return { host, range: own, port };
}

/** As a URL has it: in lower case, international names in their ASCII form. */
function canonicalHost(host: string | undefined): string | undefined {
  if (host === undefined || !URL.canParse(`http://${host}/`)) return undefined;
  const url = new URL(`http://${host}/`);
  return url.pathname === '/' && url.username === '' && url.search === '' && url.hash === ''
    ? hostOf(url)
    : undefined;
}
