import { lookup } from 'node:dns/promises';
import { networkInterfaces } from 'node:os';
import { mayBeSameTarget } from '../../config/same-target.js';
import { standardAddress } from '../../domain/isolation-address.js';
import { BelayError } from '../../errors.js';
import {
  type ConnectionSettings,
  type HostAddress,
  resolveConnection,
} from '../../postgres/settings.js';

/** Where an address is read: relative files and libpq's variables come from here. */
export interface AddressSearch {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** Tells whether an address means the target. */
export interface TargetMatcher {
  /** @returns what the address says, where it means the target; null where it doesn't, or is none */
  match(text: string): Promise<ConnectionSettings | null>;
  /** The same for libpq's variables alone. */
  matchVariables(env: NodeJS.ProcessEnv): Promise<ConnectionSettings | null>;
  /** Whether a host, and a port where one is given, is a server of the target. */
  isServer(host: string, port: string | undefined): Promise<boolean>;
}

/** A name server that does not answer must not hold up a rehearsal. */
const lookupMs = 1_500;

/**
 * A matcher for one target. It takes what is doubtful for the target: two names of one address, a port that is not
 * given, one of several hosts.
 */
export function targetMatcher(
  target: { readonly settings: ConnectionSettings; readonly database: string },
  search: AddressSearch,
): TargetMatcher {
  const own = { ...target.settings, database: target.database };
  const addresses = addressBook();
  const means = async (settings: ConnectionSettings): Promise<boolean> => {
    if (mayBeSameTarget(settings, own)) return true;
    if (settings.database !== own.database) return false;
    for (const host of settings.hosts) if (await isServerOf(own, host, addresses)) return true;
    return false;
  };
  const matched = async (settings: ConnectionSettings | null) =>
    settings && (await means(settings)) ? settings : null;
  return {
    match: async (text) => {
      const address = standardAddress(text);
      if (address === null) return null;
      return (
        (await matched(await resolve(address, search))) ??
        // The variables may fill in what the program would not take from them.
        matched(await resolve(address, { ...search, env: withoutLibpq(search.env) }))
      );
    },
    matchVariables: async (env) => matched(await resolve(undefined, { ...search, env })),
    isServer: async (host, port) => {
      const ports = port ? [Number(port)] : own.hosts.map((one) => one.port);
      for (const one of ports) {
        if (await means({ ...own, hosts: [{ host, port: one }] })) return true;
      }
      return false;
    },
  };
}

async function resolve(
  url: string | undefined,
  { cwd, env }: AddressSearch,
): Promise<ConnectionSettings | null> {
  try {
    return await resolveConnection({ url, cwd, env });
  } catch (error) {
    // What cannot be read as an address leads no program to the target either.
    if (error instanceof BelayError && error.code === 'BAD_URL') return null;
    throw error;
  }
}

const withoutLibpq = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^PG/.test(name)));

type AddressBook = (host: string) => Promise<ReadonlySet<string>>;

async function isServerOf(
  target: ConnectionSettings,
  { host, port, address }: HostAddress,
  addresses: AddressBook,
): Promise<boolean> {
  const samePort = target.hosts.filter((one) => one.port === port);
  if (samePort.length === 0) return false;
  const found = await addresses(address ?? host);
  for (const one of samePort) {
    const known = await addresses(one.address ?? one.host);
    if ([...found].some((name) => known.has(name))) return true;
  }
  return false;
}

/** All addresses of a name; every one of this machine's own is the word "here" besides. */
function addressBook(): AddressBook {
  const asked = new Map<string, Promise<ReadonlySet<string>>>();
  return (host) => {
    const known = asked.get(host);
    if (known) return known;
    const asking = findAddresses(host);
    asked.set(host, asking);
    return asking;
  };
}

async function findAddresses(host: string): Promise<ReadonlySet<string>> {
  if (host.startsWith('/')) return new Set(['here']);
  const timeout = new Promise<{ address: string }[]>((done) =>
    setTimeout(() => done([]), lookupMs).unref(),
  );
  const found = await Promise.race([lookup(host, { all: true }).catch(() => []), timeout]);
  const addresses = found.map(({ address }) => address);
  const mine = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const isHere = addresses.some(
    (one) =>
      /^127\.|^::1$|^0\.0\.0\.0$|^::$/.test(one) || mine.some(({ address }) => address === one),
  );
  return new Set([host.toLowerCase(), ...addresses, ...(isHere ? ['here'] : [])]);
}
