import { isSameTarget } from '../../config/same-target.js';
import {
  type AddressPlace,
  type AddressServer,
  findUrls,
  redirectAddress,
  standardAddress,
} from '../../domain/isolation-address.js';
import {
  findCredentialsBeside,
  findVariableGroups,
  type VariableGroup,
} from '../../domain/isolation-variables.js';
import {
  type ConnectionSettings,
  connectionUrl,
  hasConnectionEnvironment,
} from '../../postgres/settings.js';
import { type ProjectValue, readProjectValues } from './project-variables.js';
import { type TargetMatcher, targetMatcher } from './same-database.js';

/** A database, and where its server is. */
export interface DatabasePlace {
  readonly settings: ConnectionSettings;
  readonly database: string;
}

export interface RedirectOptions {
  readonly target: DatabasePlace;
  readonly copy: DatabasePlace;
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** More variables that get the copy's URL, whatever they hold. */
  readonly urlVariables?: readonly string[] | undefined;
}

export interface RedirectedEnvironment {
  /** Holds passwords: for a child's environment only. */
  readonly env: NodeJS.ProcessEnv;
  /** Names of the variables that lead to the copy, sorted. */
  readonly variables: readonly string[];
}

/** What is known while an environment is made. */
interface Redirection extends RedirectOptions {
  readonly values: readonly ProjectValue[];
  readonly matcher: TargetMatcher;
  /** Null: the copy is on the target's own server. */
  readonly server: AddressServer | null;
  /** What is set, by name; null: removed. */
  readonly changes: Map<string, string | null>;
}

/**
 * Makes the environment in which a command finds the copy where it would find the target: DATABASE_URL, BELAY_URL and
 * libpq's variables in any case, and every variable of the environment or of the project's `.env` files whose value
 * means the target, in the form that it has. A variable that is set wins over one in an `.env` file.
 */
export async function redirectEnvironment(
  options: RedirectOptions,
): Promise<RedirectedEnvironment> {
  const { target, copy, cwd, env } = options;
  const redirection: Redirection = {
    ...options,
    values: await readProjectValues(cwd, env),
    matcher: targetMatcher(target, { cwd, env }),
    server: serverOf(target, copy),
    changes: new Map(),
  };
  await redirectValues(redirection);
  await redirectGroups(redirection);
  setUrls(redirection);
  await redirectLibpq(redirection);
  const { changes } = redirection;
  const kept = Object.entries(env).filter(([name]) => !changes.has(name));
  const set = [...changes].filter((change): change is [string, string] => change[1] !== null);
  return {
    env: { ...Object.fromEntries(kept), ...Object.fromEntries(set) },
    variables: set.map(([name]) => name).sort(),
  };
}

/** Null where target and copy are on one server. */
function serverOf(target: DatabasePlace, copy: DatabasePlace): AddressServer | null {
  const same = { database: '' };
  if (isSameTarget({ ...target.settings, ...same }, { ...copy.settings, ...same })) return null;
  const { hosts, user, password, ssl } = copy.settings;
  const [first] = hosts;
  const host = first?.address ?? first?.host ?? 'localhost';
  return { host, port: first?.port ?? 5432, user, password, sslMode: ssl.mode };
}

/** Values that are addresses, or hold some. A file's counts only where the environment has none. */
async function redirectValues(redirection: Redirection): Promise<void> {
  const { values, env, changes } = redirection;
  for (const { name, value, file } of values) {
    if (changes.has(name) || (file !== null && env[name])) continue;
    const redirected = await redirectValue(redirection, value);
    if (redirected === null) continue;
    changes.set(name, redirected);
    redirectCredentials(redirection, name);
  }
}

/** @returns null where nothing in it means the target */
async function redirectValue(redirection: Redirection, value: string): Promise<string | null> {
  const whole = await redirectOne(redirection, value);
  if (whole !== null) return whole;
  let result = '';
  let end = 0;
  for (const { start, url } of findUrls(value)) {
    const redirected = await redirectOne(redirection, url);
    if (redirected === null) continue;
    result += value.slice(end, start) + redirected;
    end = start + url.length;
  }
  return end === 0 ? null : result + value.slice(end);
}

async function redirectOne(
  { matcher, copy, server }: Redirection,
  text: string,
): Promise<string | null> {
  const found = await matcher.match(text);
  if (!found) return null;
  const place: AddressPlace = { database: copy.database, server, password: found.password };
  return redirectAddress(text, place);
}

/** On another server, the user beside a URL is unknown. */
function redirectCredentials({ server, changes, values }: Redirection, name: string): void {
  if (!server) return;
  const { user, password } = findCredentialsBeside(name, byName(values));
  if (user !== null) changes.set(user, server.user);
  if (password !== null) changes.set(password, server.password ?? '');
}

/** What a program sees at first: the environment, then the nearest file. */
function byName(values: readonly ProjectValue[]): Map<string, string> {
  const found = new Map<string, string>();
  for (const { name, value } of values) if (!found.has(name)) found.set(name, value);
  return found;
}

/** DB_HOST, DB_NAME and so on, of each file as it is and of the whole environment. */
async function redirectGroups(redirection: Redirection): Promise<void> {
  const { values, target, env } = redirection;
  const files = [...new Set(values.map(({ file }) => file))];
  const environment = byName(values.filter(({ file }) => file === null));
  for (const file of files) {
    const own = byName(values.filter((value) => value.file === file));
    const seen = file === null ? byName(values) : new Map([...own, ...environment]);
    for (const group of findVariableGroups(seen, target.database)) {
      if (file !== null && env[group.database]) continue;
      await redirectGroup(redirection, group, seen);
    }
  }
}

async function redirectGroup(
  { matcher, changes, copy, server }: Redirection,
  { database, host, port, user, password, wouldBe }: VariableGroup,
  values: ReadonlyMap<string, string>,
): Promise<void> {
  const [hostValue, portValue] = [host, port].map((name) => (name ? values.get(name) : undefined));
  // Without a host the program has its own idea of it. The copy's name leads to the copy, or to nowhere.
  if (hostValue !== undefined && !(await matcher.isServer(hostValue, portValue))) return;
  changes.set(database, copy.database);
  if (!server) return;
  changes.set(host ?? wouldBe.host, server.host);
  changes.set(port ?? wouldBe.port, String(server.port));
  if (user !== null) changes.set(user, server.user);
  if (password !== null) changes.set(password, server.password ?? '');
}

/** What every tool reads, and what the user has named. */
function setUrls({ changes, copy, server, values, urlVariables = [] }: Redirection): void {
  const found = byName(values);
  const url = connectionUrl(copy.settings, { database: copy.database, withPassword: true });
  for (const name of ['DATABASE_URL', 'BELAY_URL', ...urlVariables]) {
    if (changes.has(name)) continue;
    const value = found.get(name);
    // Of a variable that the user has named, the form is kept: it may be Java's.
    const isForm = urlVariables.includes(name) && value && standardAddress(value) !== null;
    const place = { database: copy.database, server: server ?? namedServer(copy) };
    changes.set(name, isForm ? redirectAddress(value, place) : url);
  }
}

function namedServer({ settings }: DatabasePlace): AddressServer {
  const { hosts, user, password, ssl } = settings;
  const [first] = hosts;
  const { host, port } = first ?? { host: 'localhost', port: 5432 };
  return { host, port, user, password, sslMode: ssl.mode };
}

const tlsVariables = ['PGSSLMODE', 'PGSSLROOTCERT', 'PGSSLCERT', 'PGSSLKEY', 'PGREQUIRESSL'];

/** Also those that other variables would be overruled by: a service, an address. */
async function redirectLibpq(redirection: Redirection): Promise<void> {
  const { changes, copy, env, matcher, server, values } = redirection;
  const { settings } = copy;
  const merged = { ...Object.fromEntries(byName(values)), ...env };
  // A program's own role stays, where the variables already led to the target.
  const own =
    server || !hasConnectionEnvironment(merged) ? null : await matcher.matchVariables(merged);
  const { user, password } = own ?? settings;
  for (const name of ['PGSERVICE', 'PGSERVICEFILE', 'PGHOSTADDR']) changes.set(name, null);
  changes.set('PGHOST', settings.hosts.map(({ host }) => host).join(','));
  changes.set('PGPORT', settings.hosts.map(({ port }) => port).join(','));
  if (settings.hosts.some(({ address }) => address !== undefined)) {
    changes.set('PGHOSTADDR', settings.hosts.map(({ address }) => address ?? '').join(','));
  }
  changes.set('PGDATABASE', copy.database);
  changes.set('PGUSER', user);
  changes.set('PGPASSWORD', password ?? null);
  setTls(redirection);
}

/** Drivers differ in what "prefer" means to them, so nothing is set that was not asked for. */
function setTls({ changes, copy, env, server }: Redirection): void {
  const { mode, rootCertFile, certFile, keyFile } = copy.settings.ssl;
  if (server) for (const name of tlsVariables) changes.set(name, null);
  if (mode === 'prefer' || (!server && env.PGSSLMODE)) return;
  changes.set('PGSSLMODE', mode);
  if (rootCertFile) changes.set('PGSSLROOTCERT', rootCertFile);
  if (certFile) changes.set('PGSSLCERT', certFile);
  if (keyFile) changes.set('PGSSLKEY', keyFile);
}
