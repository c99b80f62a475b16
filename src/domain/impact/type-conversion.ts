/** What is known of a domain for a conversion. */
export interface DomainFacts {
  readonly baseType: string;
  /** It is NOT NULL or has a check, its own or of a domain below it. */
  readonly isConstrained: boolean;
}

export interface ConversionSurroundings {
  /** The domain that a type, as `format_type` prints it, is; undefined: it is none. */
  domainOf(type: string): DomainFacts | undefined;
  isEnum(type: string): boolean;
  /** As the sessions have it; undefined: not known. */
  readonly timeZone: string | undefined;
}

/** What PostgreSQL (14 to 18) does with a column when its type changes and nothing else. */
export interface Conversion {
  /** Every row is written anew; else only the catalog changes. */
  readonly rewrite: boolean;
  /** No value can fail or come out as another one. */
  readonly keepsValues: boolean;
  /** Indexes on the column are built anew even though the table is not. */
  readonly rebuildsIndexes: boolean;
}

interface ParsedType {
  readonly base: string;
  readonly modifiers: readonly number[];
  readonly isArray: boolean;
}

/** "numeric(10,2)[]" and "timestamp(3) with time zone" as `format_type` prints them. */
export function parseType(type: string): ParsedType {
  const isArray = type.endsWith('[]');
  const element = isArray ? type.slice(0, -2) : type;
  const open = element.indexOf('(');
  const close = element.indexOf(')', open);
  if (open < 0 || close < 0 || element.startsWith('"')) {
    return { base: element, modifiers: [], isArray };
  }
  const modifiers = element
    .slice(open + 1, close)
    .split(',')
    .map(Number);
  const base = `${element.slice(0, open)}${element.slice(close + 1)}`;
  return { base, modifiers, isArray };
}

const free: Conversion = { rewrite: false, keepsValues: true, rebuildsIndexes: false };
const rewrites: Conversion = { rewrite: true, keepsValues: false, rebuildsIndexes: true };
const widens: Conversion = { ...rewrites, keepsValues: true };

/** Casts that cannot fail and from which the same value comes back, and that write every row anew. */
const widening: Readonly<Record<string, readonly string[]>> = {
  smallint: ['integer', 'bigint', 'numeric', 'real', 'double precision', 'text'],
  integer: ['bigint', 'numeric', 'double precision', 'text'],
  bigint: ['numeric', 'text'],
  real: ['double precision'],
  uuid: ['text'],
  boolean: ['text'],
};

/** Casts for which the bytes are the same already. */
const binary: Readonly<Record<string, readonly string[]>> = {
  'character varying': ['text'],
  text: ['character varying'],
  xml: ['text', 'character varying'],
  cidr: ['inet'],
};

/** Types whose modifier is a greatest length. */
const lengths = new Set(['character varying', 'bit varying']);

const temporal = new Set([
  ...['timestamp without time zone', 'timestamp with time zone', 'interval'],
  ...['time without time zone', 'time with time zone'],
]);
const mostDigits = 6;

const utc =
  /^(?:(?:Etc\/)?(?:UTC|GMT|UCT|Universal|Zulu|Greenwich)(?:[+-]?0)?|Zulu|0|<?\+?-?00>?-?0?)$/i;

/** Both of the same type, with other modifiers. */
function sameBase(base: string, from: readonly number[], to: readonly number[]): Conversion {
  if (from.join() === to.join()) return free;
  const [was = Infinity, is = Infinity] = [from[0], to[0]];
  if (lengths.has(base)) return is >= was ? free : rewrites;
  if (temporal.has(base)) return is >= was || is >= mostDigits ? free : rewrites;
  if (base === 'numeric') return numericConversion(from, to);
  // char(5) → bpchar; a longer one is padded anew, which changes no value.
  if (base === 'character') return is >= was ? widens : rewrites;
  return rewrites;
}

function numericConversion(from: readonly number[], to: readonly number[]): Conversion {
  if (to.length === 0) return free;
  if (from.length === 0) return rewrites;
  const [[precision = 0, scale = 0], [newPrecision = 0, newScale = 0]] = [from, to];
  if (scale === newScale && newPrecision >= precision) return free;
  const hasRoom = newScale >= scale && newPrecision - newScale >= precision - scale;
  return hasRoom ? widens : rewrites;
}

/** Of the extension citext: the same bytes as text, compared otherwise. */
const isCitext = (type: string): boolean => type === 'citext' || type.endsWith('.citext');

const isText = (type: string): boolean => type === 'text' || type === 'character varying';

/** Only the catalog changes, and indexes whose operators are other ones. */
function isBinary(from: string, to: string): boolean {
  return (binary[from]?.includes(to) ?? false) || (from === 'character' && to === 'bpchar');
}

const rebuildsIndexes = (from: string, to: string): boolean =>
  (isCitext(from) && isText(to)) ||
  (isText(from) && isCitext(to)) ||
  (from === 'integer' && to === 'oid');

function betweenBases(
  from: ParsedType,
  to: ParsedType,
  surroundings: ConversionSurroundings,
): Conversion {
  const [was, is] = [from.base, to.base];
  if (isZoneChange(was, is)) {
    const isUtc = utc.test(surroundings.timeZone ?? '');
    const keepsDigits = (to.modifiers[0] ?? mostDigits) >= (from.modifiers[0] ?? mostDigits);
    return isUtc && keepsDigits ? free : rewrites;
  }
  if (to.modifiers.length > 0) return rewrites;
  if (isBinary(was, is)) return free;
  if (rebuildsIndexes(was, is)) return { ...free, rebuildsIndexes: true };
  const keeps = isText(is)
    ? surroundings.isEnum(was) || was === 'character' || widening[was]?.includes('text')
    : widening[was]?.includes(is);
  return keeps ? widens : rewrites;
}

function isZoneChange(from: string, to: string): boolean {
  const stamps = ['timestamp without time zone', 'timestamp with time zone'];
  return stamps.includes(from) && stamps.includes(to);
}

/**
 * Tells what changing a column's type does, without USING. Types as `format_type` prints them. What is not known to keep
 * every value is to be measured.
 *
 * @example
 * convert('character varying(10)', 'text', surroundings); // { rewrite: false, keepsValues: true, … }
 * convert('integer', 'bigint', surroundings); // { rewrite: true, keepsValues: true, … }
 */
export function convert(
  from: string,
  to: string,
  surroundings: ConversionSurroundings,
): Conversion {
  if (from === to) return free;
  const source = surroundings.domainOf(from);
  // A domain's values are values of its base type.
  if (source) return convert(source.baseType, to, surroundings);
  const target = surroundings.domainOf(to);
  if (target) {
    const below = convert(from, target.baseType, surroundings);
    // Every value is checked, and for that written anew.
    return target.isConstrained ? { ...rewrites, keepsValues: false } : below;
  }
  const [was, is] = [parseType(from), parseType(to)];
  if (was.isArray !== is.isArray) return rewrites;
  const element =
    was.base === is.base
      ? sameBase(was.base, was.modifiers, is.modifiers)
      : betweenBases(was, is, surroundings);
  if (!was.isArray) return element;
  // Elements are converted one by one, unless only the modifier goes.
  const isOnlyModifier = was.base === is.base && is.modifiers.length === 0;
  return isOnlyModifier && !element.rewrite ? free : { ...element, rewrite: true };
}

/** Types whose values can be compared with one another without a cast that somebody writes. */
const comparable: readonly (readonly string[])[] = [
  ['smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision'],
  ['text', 'character varying', 'character', 'bpchar', 'name'],
  ['date', 'timestamp without time zone', 'timestamp with time zone'],
  ...[['uuid'], ['boolean'], ['bytea'], ['inet', 'cidr'], ['interval']],
  ...[['time without time zone', 'time with time zone'], ['jsonb'], ['macaddr'], ['money']],
];

/**
 * Whether no foreign key can lead from the one to the other; of types that are not built in, nothing is said.
 *
 * @example
 * cannotRefer('integer', 'text'); // true
 * cannotRefer('integer', 'bigint'); // false
 */
export function cannotRefer(from: string, to: string): boolean {
  const [own, other] = [parseType(from), parseType(to)];
  const familyOf = ({ base }: ParsedType) => comparable.findIndex((types) => types.includes(base));
  if (own.isArray !== other.isArray) return familyOf(own) >= 0 && familyOf(other) >= 0;
  return familyOf(own) >= 0 && familyOf(other) >= 0 && familyOf(own) !== familyOf(other);
}
