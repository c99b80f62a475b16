import { lookup } from 'node:dns/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { BelayError } from '../../errors.js';
import type { Addresses, CheckedAddress } from './addresses.js';
import { type AllowedAddresses, hostOf, parseAllowedAddresses } from './allowed-addresses.js';
import { parseIp, whyNotPublic } from './ip-address.js';
import { sendTo } from './send-to.js';

export interface AddressesOptions {
  /** What is allowed beyond the public internet, as `parseAllowedAddresses` has it. Also allows http there. */
  readonly allow?: readonly string[] | undefined;
  /** Default: the system's resolver. */
  readonly resolve?: ((host: string) => Promise<readonly string[]>) | undefined;
  /** PEM certificates of authorities that are trusted beside the usual ones. */
  readonly ca?: string | undefined;
}

const resolvedWithinMs = 10_000;

/**
 * @example
 * const addresses = openAddresses({ allow: ['hooks.internal:8443'] });
 * await addresses.check('https://169.254.169.254/'); // throws ADDRESS_REFUSED
 * @throws BelayError USAGE where `allow` cannot be read
 */
export function openAddresses({
  allow = [],
  resolve = resolveBySystem,
  ca,
}: AddressesOptions = {}): Addresses {
  const allowed = parseAllowedAddresses(allow);
  const check = (text: string) => checkAddress(text, allowed, resolve);
  return {
    check,
    send: async (text, request) => sendTo(await check(text), request, ca),
  };
}

/** The addresses of BELAY_ALLOW_ADDRESSES: separated by commas or spaces. */
export function allowedByEnvironment(env: NodeJS.ProcessEnv): string[] {
  return (env.BELAY_ALLOW_ADDRESSES ?? '').split(/[\s,]+/).filter((text) => text !== '');
}

async function checkAddress(
  text: string,
  allowed: AllowedAddresses,
  resolve: (host: string) => Promise<readonly string[]>,
): Promise<CheckedAddress> {
  const url = parseUrl(text);
  const host = hostOf(url);
  const literal = parseIp(host);
  const isNamed = allowed.hasHost(url);
  // What the name leads to is asked only once: the answer is judged here, and is what connections go to.
  const found = literal === undefined ? await resolveOrRefuse(host, resolve) : [host];
  const ips = found.map((address) => {
    const bytes = parseIp(address);
    if (bytes === undefined) throw refused(host, `it leads to "${address}", which is no address`);
    const isAllowed = isNamed || allowed.hasIp(bytes, url);
    const reason = isAllowed ? undefined : whyNotPublic(bytes);
    if (reason !== undefined) {
      const leads = literal === undefined ? `it leads to ${address}, which is` : 'it is';
      throw refused(host, `${leads} ${reason}`);
    }
    return { address, family: bytes.length === 4 ? 4 : 6, isAllowed } as const;
  });
  if (url.protocol === 'http:' && !ips.every(({ isAllowed }) => isAllowed)) {
    throw refused(host, 'plain http can be read and changed on its way', 'Write https://.');
  }
  return { url, ips: ips.map(({ address, family }) => ({ address, family })) };
}

function parseUrl(text: string): URL {
  // Spaces and line breaks would be taken out in silence.
  if (!URL.canParse(text) || hasBlanks(text)) {
    throw new BelayError('BAD_URL', 'this is not a URL', {
      hint: 'Write it as https://host/path.',
    });
  }
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw refused(url.protocol, 'only https is called', 'Write https://host/path.');
  }
  if (url.username !== '' || url.password !== '') {
    const hint = 'Leave user and password out of it: receivers know a webhook by its signature.';
    throw refused(hostOf(url), 'the URL holds credentials, which would be shown in lists', hint);
  }
  return url;
}

function hasBlanks(text: string): boolean {
  return [...text].some((character) => character <= ' ' || character === '\u007f');
}

async function resolveOrRefuse(
  host: string,
  resolve: (host: string) => Promise<readonly string[]>,
): Promise<readonly string[]> {
  const timer = new AbortController();
  // A resolver that is away takes half a minute to say so, and whoever asks waits for it.
  const late = sleep(resolvedWithinMs, [], { signal: timer.signal }).catch(() => []);
  const found = await Promise.race([resolve(host).catch(() => []), late]);
  timer.abort();
  if (found.length > 0) return found;
  throw refused(
    host,
    'the name is not known',
    'Check the name, and whether this server can resolve it.',
  );
}

async function resolveBySystem(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, verbatim: true });
  return found.map(({ address }) => address);
}

function refused(
  host: string,
  why: string,
  hint = 'Where the place is one of yours, the person who runs the server can allow it: `belay serve --allow-address HOST:PORT`.',
): BelayError {
  return new BelayError('ADDRESS_REFUSED', `${host} is not called: ${why}`, { hint });
}
