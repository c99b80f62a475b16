import { isIP } from 'node:net';
import { BelayError } from '../../errors.js';

export interface AdmissionOptions {
  /** Address that the server listens on. */
  readonly host: string;
  /** Further names by which it is called, e.g. a proxy's. */
  readonly allowedHosts: readonly string[];
  /** Where pages see it, e.g. "https://belay.example.com". */
  readonly publicUrl: string | undefined;
}

/**
 * Under which names the server answers. A page of anybody's can make a browser call this machine by a name of its own (DNS
 * rebinding); such a name is none of these.
 */
export interface Admission {
  /** Cookies go over TLS alone. */
  readonly isHttps: boolean;
  /** @throws BelayError FORBIDDEN for a name that is not the server's */
  checkHost(host: string | undefined): void;
  /** @throws BelayError FORBIDDEN for a page of another origin; none given: not a page */
  checkOrigin(origin: string | undefined, host: string | undefined): void;
}

const loopbackNames = ['localhost', '127.0.0.1', '::1'];
const wildcards = ['0.0.0.0', '::'];

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}

export function createAdmission(options: AdmissionOptions): Admission {
  const publicUrl = options.publicUrl === undefined ? undefined : new URL(options.publicUrl);
  const named = new Set(options.allowedHosts.map((name) => name.toLowerCase()));
  if (publicUrl) named.add(bare(publicUrl.hostname));
  const own = new Set([...loopbackNames, options.host.toLowerCase(), ...named]);
  const isWildcard = wildcards.includes(options.host);
  const known = new Set<string>();
  const isOwn = (name: string) => own.has(name) || (isWildcard && isIP(name) !== 0);
  return {
    isHttps: publicUrl?.protocol === 'https:',
    checkHost: (host) => {
      if (host !== undefined && known.has(host)) return;
      const name = hostname(host);
      if (name === undefined || !isOwn(name)) {
        throw new BelayError('FORBIDDEN', 'the server is not called by that name', {
          hint: 'Call it by the address it listens on, or start it with --allowed-host NAME.',
        });
      }
      // Bounded: a name may come with any port.
      if (known.size < 100) known.add(host as string);
    },
    checkOrigin: (origin, host) => {
      if (origin === undefined) return;
      const from = URL.canParse(origin) ? new URL(origin) : undefined;
      const isSame = from !== undefined && from.host === host?.toLowerCase();
      if (isSame || (from && named.has(bare(from.hostname)))) return;
      throw new BelayError('FORBIDDEN', 'the request comes from a page of another origin', {
        hint: 'Open the page at the server itself; behind a proxy start it with --public-url URL.',
      });
    },
  };
}

const bare = (name: string): string => name.replace(/^\[|\]$/g, '').toLowerCase();

/** Of a Host header, without port and brackets; undefined: it is none. */
function hostname(host: string | undefined): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?$/i.exec(host ?? '');
  return match?.[1] && bare(match[1]);
}
