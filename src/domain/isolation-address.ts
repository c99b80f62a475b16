/** Where a database is that programs are to be sent to, in the parts that an address is made of. */
export interface AddressPlace {
  readonly database: string;
  /** Null: the server that the address names already, so that everything else of it stays. */
  readonly server: AddressServer | null;
  /** For an address that names a user without a password, e.g. because a passfile has it for that database alone. */
  readonly password?: string | undefined;
}

export interface AddressServer {
  /** A name or address; of a unix socket its folder. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string | undefined;
  /** libpq's sslmode. */
  readonly sslMode: string;
}

/** How drivers and tools begin the URL of a PostgreSQL database. */
const schemes = 'postgres(?:ql)?|postgis|psql|pgsql|pgx5?|pg|ecto|timescalegis|timescaledb';
const mark = '(?:jdbc:|r2dbc:(?:pool:)?|db:)?';
const urlStart = new RegExp(`^(${mark})(?:${schemes})(?:\\+\\w+)?://`, 'i');
const urlWithin = new RegExp(
  `(?<![\\w.+-])${mark}(?:${schemes})(?:\\+\\w+)?://[^\\s"'\`<>]+`,
  'gi',
);
/** The short form: server and port are the driver's defaults. */
const jdbcName = /^(?:jdbc:postgresql|db:pg):(?!\/\/)([^?/]*)(\?.*)?$/is;
const dsnStart = /^[a-z_]+\s*=/;
const listStart = /^(?:pgsql:)?\s*[a-z ]+=[^;]*(?:;|$)/i;

type Form = 'url' | 'jdbc-name' | 'dsn' | 'list';

function formOf(text: string): Form | null {
  if (urlStart.test(text)) return 'url';
  if (jdbcName.test(text)) return 'jdbc-name';
  const hasPlace = /(?:^|[\s;:])(?:host|dbname|server|database)\s*=/i.test(text);
  if (!hasPlace) return null;
  // Within quotes a semicolon separates nothing.
  const hasList = text.replace(/'(?:\\.|[^'\\])*'/g, '').includes(';');
  if (/^pgsql:/i.test(text) || (hasList && listStart.test(text))) return 'list';
  return dsnStart.test(text) && !hasList ? 'dsn' : null;
}

/**
 * An address as libpq's rules can read it: what Java, .NET, PHP, Elixir and Go write otherwise is written as a
 * `postgresql://` URL.
 * @returns null where the text is none
 */
export function standardAddress(text: string): string | null {
  const trimmed = text.trim();
  switch (formOf(trimmed)) {
    case 'url':
      return trimmed.replace(urlStart, 'postgresql://');
    case 'jdbc-name': {
      const [, name = '', query = ''] = jdbcName.exec(trimmed) ?? [];
      return `postgresql://localhost:5432/${name}${query}`;
    }
    case 'dsn':
      return trimmed;
    case 'list':
      return standardList(trimmed);
    default:
      return null;
  }
}

/** Addresses within another text, e.g. of a program's arguments or a line of a file. */
export function findUrls(text: string): { readonly start: number; readonly url: string }[] {
  return [...text.matchAll(urlWithin)].map(({ index, 0: url }) => ({
    start: index,
    // What stands behind it belongs to the text around.
    url: url.replace(/[\\,;)}\]]+$/, ''),
  }));
}

/**
 * The same address with another database, in the form that it has: scheme, user, password and parameters stay. Where
 * the server is another one, they are that server's.
 * @param text an address: {@link standardAddress} reads it
 */
export function redirectAddress(text: string, place: AddressPlace): string {
  const trimmed = text.trim();
  switch (formOf(trimmed)) {
    case 'url':
      return redirectUrl(trimmed, place);
    case 'jdbc-name': {
      const [, , query = ''] = jdbcName.exec(trimmed) ?? [];
      return redirectUrl(`jdbc:postgresql://localhost:5432/${query}`, place);
    }
    case 'dsn':
      return redirectDsn(trimmed, place);
    case 'list':
      return redirectList(trimmed, place);
    default:
      return text;
  }
}

const placeParameters = new Set([
  ...['host', 'hostaddr', 'port', 'user', 'password', 'dbname', 'service', 'passfile'],
  ...['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'channel_binding', 'gssencmode'],
  ...['target_session_attrs', 'targetServerType'],
]);

const isSocket = (host: string) => host.startsWith('/');
const encode = encodeURIComponent;

function redirectUrl(text: string, place: AddressPlace): string {
  const start = urlStart.exec(text)?.[0] ?? '';
  const isJava = /^(?:jdbc|r2dbc):/i.test(start);
  const rest = text.slice(start.length);
  const slash = rest.search(/[/?]/);
  // As the reader of URLs does it: a raw "@" may stand in the password, in no host.
  const at = rest.lastIndexOf('@', slash === -1 ? rest.length : slash);
  const [, authority = '', , query = ''] =
    /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest.slice(at + 1)) ?? [];
  const credentials = at === -1 ? '' : rest.slice(0, at);
  const parameters = query.split('&').filter((part) => part !== '');
  const path = `/${encode(place.database)}`;
  const { server } = place;
  if (!server) {
    const kept = parameters.filter((part) => part.split('=')[0] !== 'dbname');
    const who = withPassword(credentials, isJava ? undefined : place.password);
    return `${start}${who}${authority}${path}${queryOf(kept)}`;
  }
  const hadUser = parameters.some((part) => part.startsWith('user='));
  const others = parameters.filter((part) => !placeParameters.has(part.split('=')[0] ?? ''));
  const own = [
    ...(isSocket(server.host) ? [`host=${server.host.split('/').map(encode).join('/')}`] : []),
    ...(server.sslMode === 'prefer' ? [] : [`sslmode=${server.sslMode}`]),
    ...(hadUser ? [`user=${encode(server.user)}`] : []),
    ...(hadUser && server.password !== undefined ? [`password=${encode(server.password)}`] : []),
  ];
  const who = isJava && !credentials ? '' : credentialsOf(server);
  return `${start}${who}${authorityOf(server)}${path}${queryOf([...own, ...others])}`;
}

const queryOf = (parts: readonly string[]) => (parts.length > 0 ? `?${parts.join('&')}` : '');

function withPassword(credentials: string, password: string | undefined): string {
  if (credentials === '') return '';
  const isWhole = credentials.includes(':') || password === undefined;
  return `${credentials}${isWhole ? '' : `:${encode(password)}`}@`;
}

const credentialsOf = ({ user, password }: AddressServer) =>
  `${encode(user)}${password === undefined ? '' : `:${encode(password)}`}@`;

function authorityOf({ host, port }: AddressServer): string {
  // Drivers that go through a URL parser refuse an empty host; those that know `host=` let that win.
  if (isSocket(host)) return `localhost:${port}`;
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** `host=db dbname='my db'`. */
function redirectDsn(text: string, { database, server, password }: AddressPlace): string {
  const pair =
    /([^\s=]+)\s*=\s*('(?:\\[\s\S]|[^'\\])*'|(?:\\[\s\S]|[^\s'\\])(?:\\[\s\S]|[^\s\\])*|)/g;
  const pairs = [...text.matchAll(pair)].map(([, name = '', value = '']) => ({ name, value }));
  const gone = server ? placeParameters : new Set(['dbname']);
  const kept = pairs.filter(({ name }) => !gone.has(name));
  const has = (name: string) => pairs.some((one) => one.name === name);
  const own: [string, string | undefined][] = server
    ? [
        ['host', server.host],
        ['port', String(server.port)],
        ['user', server.user],
        ['password', server.password],
        ['sslmode', server.sslMode === 'prefer' ? undefined : server.sslMode],
      ]
    : [['password', has('user') && !has('password') ? password : undefined]];
  return [
    ...kept.map(({ name, value }) => `${name}=${value}`),
    ...[...own, ['dbname', database] as const].flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}='${value.replace(/['\\]/g, '\\$&')}'`],
    ),
  ].join(' ');
}

const listKeys = {
  host: /^(?:host|server|data source)$/i,
  port: /^port$/i,
  database: /^(?:database|db|dbname|initial catalog)$/i,
  user: /^(?:user ?name|user id|userid|uid|user)$/i,
  password: /^(?:password|pwd|psw)$/i,
  ssl: /^(?:ssl ?mode|sslmode|trust server certificate)$/i,
} as const;

type ListKey = keyof typeof listKeys;

/** `Host=db;Database=shop`, as .NET writes it, and PHP's `pgsql:host=db;dbname=shop`. */
function listPairs(text: string) {
  return text
    .replace(/^pgsql:/i, '')
    .split(';')
    .filter((part) => part.trim() !== '')
    .map((part) => {
      const [name = '', ...value] = part.split('=');
      const key = (Object.keys(listKeys) as ListKey[]).find((one) =>
        listKeys[one].test(name.trim()),
      );
      const bare = value
        .join('=')
        .trim()
        .replace(/^(["'])(.*)\1$/s, '$2');
      return { part, name, key, value: bare };
    });
}

function standardList(text: string): string {
  const pairs = listPairs(text);
  const of = (key: ListKey) => pairs.find((pair) => pair.key === key)?.value;
  const user = of('user');
  const who = user === undefined ? '' : `${encode(user)}:${encode(of('password') ?? '')}@`;
  const host = of('host') ?? 'localhost';
  const [authority, query] = isSocket(host) ? ['', `?host=${encode(host)}`] : [host, ''];
  const port = of('port');
  const end = port === undefined ? '' : `:${port}`;
  return `postgresql://${who}${authority}${end}/${encode(of('database') ?? '')}${query}`;
}

function redirectList(text: string, { database, server }: AddressPlace): string {
  const prefix = /^pgsql:/i.exec(text)?.[0] ?? '';
  const pairs = listPairs(text);
  const values: Partial<Record<ListKey, string | undefined>> = server
    ? {
        ...{ database, host: server.host, port: String(server.port), user: server.user },
        ...{ password: server.password, ssl: undefined },
      }
    : { database };
  const written = pairs.flatMap(({ part, name, key }) => {
    if (key === undefined || !(key in values)) return [part];
    const value = values[key];
    return value === undefined ? [] : [`${name}=${listValue(value)}`];
  });
  const isThere = (key: ListKey) => pairs.some((pair) => pair.key === key);
  const isDotNet = prefix === '';
  const missing: [ListKey, string][] = [
    ['host', isDotNet ? 'Host' : 'host'],
    ['port', isDotNet ? 'Port' : 'port'],
    ['database', isDotNet ? 'Database' : 'dbname'],
  ];
  for (const [key, name] of missing) {
    const value = values[key];
    if (value !== undefined && !isThere(key)) written.push(`${name}=${listValue(value)}`);
  }
  return `${prefix}${written.join(';')}`;
}

const listValue = (value: string) =>
  /[;="']|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
