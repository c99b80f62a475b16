import { findUrls, standardAddress } from './isolation-address.js';

/** Something in a file that may lead a program to a database whatever its environment says. */
export interface LiteralAddress {
  readonly line: number;
  /** As it stands there: may hold a password. */
  readonly text: string;
  /** A whole address; of one that is named in parts null, and then host and port as far as they stand there. */
  readonly address: string | null;
  readonly host: string | null;
  readonly port: string | null;
  /** Variables that it stands in for: where one of them is set, it is not used. */
  readonly insteadOf: readonly string[];
}

/** How programs refer to a variable. */
const references = [
  /\b(?:process|Bun|import\.meta)\.env(?:\.(\w+)|\[['"](\w+)['"]\])/g,
  /\bDeno\.env\.get\(\s*['"](\w+)/g,
  /\b(?:env|getenv|os\.getenv|Getenv|optional|required)\(\s*['"](\w+)['"]/gi,
  /\benviron(?:\.get)?\s*[[(]\s*['"](\w+)/g,
  /\bENV(?:\.fetch)?\s*[[(]\s*['"](\w+)/g,
  /\$\{(\w+)/g,
  /\benv\.(\w+)/g,
  /\$([A-Z_][A-Z0-9_]*)/g,
];

const commentStart = /^\s*(?:\/\/|#|\*|\/\*|--|;|<!--|%)/;
const commentWithin = /(?:^|\s)(?:\/\/|#)\s/;

/** Finds addresses that are written out: URLs, and `dbname=` strings in quotes. */
export function findLiteralAddresses(text: string): LiteralAddress[] {
  return linesOf(text).flatMap(({ line, content, before }) => {
    const strings = [...content.matchAll(/(["'`])((?:(?!\1).)*\bdbname\s*=(?:(?!\1).)*)\1/g)];
    const dsns = strings.map(({ index, 2: dsn = '' }) => ({ start: index, url: dsn }));
    return [...findUrls(content), ...dsns]
      .filter(({ start, url }) => {
        const isComment = commentWithin.test(content.slice(0, start));
        return !isComment && standardAddress(url) !== null;
      })
      .map(({ start, url }) => ({
        ...{ line, text: url, address: url, host: null, port: null },
        insteadOf: variablesBefore(`${before}\n${content.slice(0, start)}`),
      }));
  });
}

/** Keys under which configurations keep the name of a database. */
const databaseKey =
  /(?:^|[\s{,("'[])["']?(?:database|db_?name|database_?name|db)["']?\s*(?:=>|:=|[:=])/i;
const djangoKey = /["']NAME["']\s*:/;
const psqlConnect = /^\s*\\c(?:onnect)?\s+(.+?)\s*$/;
const foreignServer = /\bdbname\s+'((?:[^']|'')*)'/i;
/** What makes the lines around one a connection's, and which server it is. */
const connectionKey =
  /\b(?:host(?:name)?|server|user(?:name)?|password|port|client|dialect|adapter|driver|engine)["']?\s*(?:=>|:=|[:=])/i;
const otherSystem = /\b(?:mysql2?|mariadb|sqlite3?|mongodb|mssql|oracle|redis)\b/i;
const around = 8;

/** Finds settings that name this database, e.g. `database: 'shop'` in a knexfile. */
export function findLiteralDatabases(text: string, database: string): LiteralAddress[] {
  const lines = text.split(/\r?\n/);
  return linesOf(text).flatMap(({ line, content, before }): LiteralAddress[] => {
    const start = placeOfName(content, database);
    if (start === null) return [];
    const near = lines.slice(Math.max(0, line - 1 - around), line + around);
    const isConnection = near.some((one) => connectionKey.test(one) && !commentStart.test(one));
    const isAlone = psqlConnect.test(content) || foreignServer.test(content);
    if (!isAlone && (!isConnection || near.some((one) => otherSystem.test(one)))) return [];
    return [
      {
        ...{ line, text: content.trim().slice(0, 100), address: null },
        host: nearestValue(lines, line - 1, 'host(?:name)?|server'),
        port: nearestValue(lines, line - 1, 'port'),
        insteadOf: variablesBefore(`${before}\n${content.slice(0, start)}`),
      },
    ];
  });
}

/** Where a line names this database; null: nowhere. */
function placeOfName(content: string, database: string): number | null {
  const connect = psqlConnect.exec(content)?.[1];
  if (connect !== undefined) {
    return connect.split(/\s+/)[0]?.replace(/^"(.*)"$/, '$1') === database ? 0 : null;
  }
  if (foreignServer.exec(content)?.[1]?.replaceAll("''", "'") === database) return 0;
  const key = databaseKey.exec(content) ?? djangoKey.exec(content);
  if (!key) return null;
  const from = key.index + key[0].length;
  const rest = content.slice(from);
  if (rest.trim().replace(/[,;]$/, '') === database) return from;
  // In quotes, or the default of `${NAME:-shop}`.
  const values = [...rest.matchAll(/(["'`])((?:(?!\1).)*)\1|(?<=\$\{\w+:-?)([^}]*)/g)];
  const value = values.find(([, , quoted, standard]) => (quoted ?? standard) === database);
  return value ? from + value.index : null;
}

/** The literal value of a key on the nearest line to this one. */
function nearestValue(lines: readonly string[], at: number, key: string): string | null {
  const pattern = new RegExp(
    `(?:^|[\\s{,("'])["']?(?:${key})["']?\\s*(?:=>|:=|[:=])\\s*(?:(["'\`])([^"'\`$]*)\\1|([\\w.:/-]+)\\s*[,;}]?\\s*$|(\\d+))`,
    'i',
  );
  const offsets = Array.from({ length: around + 1 }, (_, offset) => [-offset, offset]).flat();
  for (const offset of offsets) {
    const line = lines[at + offset];
    if (line === undefined || commentStart.test(line)) continue;
    const [, , quoted, bare, digits] = pattern.exec(line) ?? [];
    const value = quoted ?? bare ?? digits;
    if (value !== undefined && !/env/i.test(value)) return value;
  }
  return null;
}

/** Code that puts the values of `.env` files over those of the environment. */
export function findOverrides(text: string): number[] {
  if (!/dotenv/i.test(text)) return [];
  return linesOf(text).flatMap(({ line, content }) =>
    /\boverride\s*[:=]\s*true\b|\bDotenv\.overload\b/i.test(content) ? [line] : [],
  );
}

/** Lines that are no comments, with the one before. */
function linesOf(text: string) {
  const lines = text.split(/\r?\n/);
  return lines.flatMap((content, index) =>
    commentStart.test(content)
      ? []
      : [{ line: index + 1, content, before: continued(lines[index - 1] ?? '') }],
  );
}

/** A line that goes on in the next one: `process.env.URL ??`. */
const continued = (line: string) => (/(?:\?\?|\|\||[=(])\s*$/.test(line) ? line : '');

/** What may stand between a variable and what is used where it is not set. */
const orElse = /^[\s)\]|?,:"'`{(}>=-]*(?:default(?:_value)?["']?\s*[:=]\s*)?["'`]?$/i;

/** The variables that something is written out instead of, which stands behind this text. */
function variablesBefore(text: string): string[] {
  return references.flatMap((pattern) =>
    [...text.matchAll(pattern)].flatMap((match) => {
      const isInstead = orElse.test(text.slice(match.index + match[0].length));
      return isInstead ? match.slice(1).filter((name) => name !== undefined) : [];
    }),
  );
}
