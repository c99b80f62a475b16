/** Variables that name one database in parts, e.g. DB_HOST, DB_PORT and DB_NAME. */
export interface VariableGroup {
  /** The one that holds the database's name. */
  readonly database: string;
  /** Null: not set. */
  readonly host: string | null;
  readonly port: string | null;
  readonly user: string | null;
  readonly password: string | null;
  /** What names that are not set would be, by the manner of the one that is. */
  readonly wouldBe: { readonly host: string; readonly port: string };
}

/** Names of another kind of server: a database of the same name there is none of ours. */
const foreign = /(?:MYSQL|MARIADB|MONGO|REDIS|MSSQL|SQLSERVER|CLICKHOUSE|ORACLE|SQLITE|CASSANDRA)/i;
/** "NAME" alone is the name of anything, so it counts only after a word for a database. */
const databaseEnd =
  /(?:DB_?NAME|DATABASE_?NAME|DB_?DATABASE|(?:POSTGRES(?:QL)?|PGSQL|PG|SQL|RDS)__?(?:NAME|DBNAME)|DATABASE|DBNAME|(?<![A-Z])DB|(?:DB|DATABASE)__?NAME)$/i;
/** What may be taken off the end of a name to get at the names beside it: RDS_DB_NAME goes with RDS_HOSTNAME. */
const ends = [
  /_{1,2}NAME$/i,
  /_{1,2}(?:DB_?NAME|DATABASE_?NAME|DB_?DATABASE|DATABASE|DBNAME|DB)$/i,
  /_?NAME$/i,
];
/** Where a name is nothing but the word itself. */
const words = ['DB', 'DATABASE', 'POSTGRES', 'PG'];

const parts = {
  host: ['HOST', 'HOSTNAME', 'SERVER', 'ADDR', 'ADDRESS', 'HOST_NAME', 'SERVICE_HOST'],
  port: ['PORT', 'SERVICE_PORT'],
  user: ['USER', 'USERNAME', 'USER_NAME', 'LOGIN'],
  password: ['PASSWORD', 'PASS', 'PWD', 'PASSWD'],
} as const;

/**
 * The groups of variables whose database has this name.
 * @param values of all variables that are set, by name
 */
export function findVariableGroups(
  values: ReadonlyMap<string, string>,
  database: string,
): VariableGroup[] {
  return [...values].flatMap(([name, value]) => {
    const isOurs = value === database && isDatabaseVariable(name);
    return isOurs && name.toUpperCase() !== 'PGDATABASE' ? [groupOf(name, values)] : [];
  });
}

/** Whether a variable of this name holds the name of a PostgreSQL database. */
export const isDatabaseVariable = (name: string): boolean =>
  databaseEnd.test(name) && !foreign.test(name);

function groupOf(database: string, values: ReadonlyMap<string, string>): VariableGroup {
  const prefixes = prefixesOf(database);
  const beside = (kind: keyof typeof parts) => findBeside(prefixes, parts[kind], values);
  const prefix = prefixes[0] ?? 'DB';
  const separator = database.includes('__') ? '__' : '_';
  return {
    database,
    ...{ host: beside('host'), port: beside('port') },
    ...{ user: beside('user'), password: beside('password') },
    wouldBe: { host: `${prefix}${separator}HOST`, port: `${prefix}${separator}PORT` },
  };
}

function prefixesOf(database: string): string[] {
  const cut = ends.map((end) => database.replace(end, '')).filter((prefix) => prefix !== database);
  const own = [...new Set(cut)].filter((prefix) => prefix !== '');
  return own.length > 0 ? own : words;
}

function findBeside(
  prefixes: readonly string[],
  kinds: readonly string[],
  values: ReadonlyMap<string, string>,
): string | null {
  const names = new Map([...values.keys()].map((name) => [name.toUpperCase(), name]));
  for (const prefix of prefixes) {
    for (const kind of kinds) {
      for (const separator of ['_', '__']) {
        const found = names.get(`${prefix}${separator}${kind}`.toUpperCase());
        if (found !== undefined) return found;
      }
    }
  }
  return null;
}

/**
 * Variables with user and password that stand beside one that holds a URL without them: SPRING_DATASOURCE_URL goes
 * with SPRING_DATASOURCE_USERNAME.
 */
export function findCredentialsBeside(
  urlVariable: string,
  values: ReadonlyMap<string, string>,
): { readonly user: string | null; readonly password: string | null } {
  const prefix = urlVariable.replace(/_{0,2}(?:JDBC_)?(?:URL|URI|DSN)$/i, '');
  if (prefix === '' || prefix === urlVariable) return { user: null, password: null };
  return {
    user: findBeside([prefix], parts.user, values),
    password: findBeside([prefix], parts.password, values),
  };
}
