import { argumentsOf, operatorOf, splitOutsideQuotes, withoutArguments } from './ddl-names.js';
import { type Alterer, type Creator, type Draft, draft, draftIf } from './ddl-statement.js';
import { KnownObject } from './known-schema.js';

/** "integer" and "text" of "app.+(integer,text)"; NONE where there is no operand. */
function operandsOf(signature: string): [string, string] {
  const inner = argumentsOf(signature).slice(1, -1);
  const [left, right] = splitOutsideQuotes(inner, ',');
  return [left.trim(), right.trim()];
}

const estimators = [
  ['restrict', 'RESTRICT'],
  ['join', 'JOIN'],
] as const;

const partners = [
  ['commutator', 'COMMUTATOR'],
  ['negator', 'NEGATOR'],
] as const;

const operator: Creator = (object) => {
  const [left, right] = operandsOf(object.name);
  const items = [
    `FUNCTION = ${withoutArguments(object.need('function'))}`,
    ...(left === 'NONE' ? [] : [`LEFTARG = ${left}`]),
    ...(right === 'NONE' ? [] : [`RIGHTARG = ${right}`]),
  ];
  for (const [key, keyword] of partners) {
    const value = object.text(key);
    if (value !== undefined) items.push(`${keyword} = OPERATOR(${operatorOf(value)})`);
  }
  for (const [key, keyword] of estimators) {
    const value = object.text(key);
    if (value !== undefined) items.push(`${keyword} = ${withoutArguments(value)}`);
  }
  if (object.has('hashes')) items.push('HASHES');
  if (object.has('merges')) items.push('MERGES');
  return [draft('operator', `CREATE OPERATOR ${operatorOf(object.name)} (${items.join(', ')})`)];
};

const alterOperator: Alterer = (before, after) => {
  const fixed = ['function', 'commutator', 'negator', 'hashes', 'merges'];
  if (fixed.some((key) => before.text(key) !== after.text(key))) return undefined;
  const items = estimators.flatMap(([key, keyword]) => {
    if (before.text(key) === after.text(key)) return [];
    const value = after.text(key);
    return [`${keyword} = ${value === undefined ? 'NONE' : withoutArguments(value)}`];
  });
  return draftIf(
    items.length > 0,
    'operator',
    () => `ALTER OPERATOR ${after.name} SET (${items.join(', ')})`,
  );
};

/** "app.hash" and "btree" of "app.hash using btree". */
const methodOf = (object: KnownObject): [string, string] =>
  splitOutsideQuotes(object.name, ' using ');

const operatorClass: Creator = (object) => {
  const [name, method] = methodOf(object);
  const type = object.need('type');
  return [
    draft(
      'operator class',
      `CREATE OPERATOR CLASS ${name}${object.has('default') ? ' DEFAULT' : ''} FOR TYPE ${type}` +
        ` USING ${method} FAMILY ${object.need('family')} AS STORAGE ${object.text('storage') ?? type}`,
    ),
  ];
};

/** "OPERATOR 1 app.<(int, int)" of "1 app.<(int,int) for order by pg_catalog.integer_ops". */
function familyItem(kind: 'operators' | 'functions', text: string): string {
  const [item, ordering] = splitOutsideQuotes(text, ' for order by ');
  const sorted = ordering === '' ? '' : ` FOR ORDER BY ${ordering}`;
  return `${kind === 'operators' ? 'OPERATOR' : 'FUNCTION'} ${item}${sorted}`;
}

/** "OPERATOR 1 (int, int)" of the same. */
function familyPlace(kind: 'operators' | 'functions', text: string): string {
  if (kind === 'functions') {
    const end = text.indexOf(')');
    return `FUNCTION ${text.slice(0, end + 1)}`;
  }
  const [item] = splitOutsideQuotes(text, ' for order by ');
  const [number = '', signature = ''] = splitOutsideQuotes(item, ' ');
  return `OPERATOR ${number} ${argumentsOf(signature)}`;
}

function familyItems(before: KnownObject, after: KnownObject): Draft[] {
  const [name, method] = methodOf(after);
  const alter = `ALTER OPERATOR FAMILY ${name} USING ${method}`;
  const keys = ['functions', 'operators'] as const;
  return keys.flatMap((key) => {
    const [was, is] = [before.list(key), after.list(key)];
    const gone = was.filter((item) => !is.includes(item)).map((item) => familyPlace(key, item));
    const come = is.filter((item) => !was.includes(item)).map((item) => familyItem(key, item));
    return [
      ...draftIf(gone.length > 0, 'operator', () => `${alter} DROP ${gone.join(', ')}`),
      ...draftIf(come.length > 0, 'operator', () => `${alter} ADD ${come.join(', ')}`),
    ];
  });
}

const operatorFamily: Creator = (object) => {
  const [name, method] = methodOf(object);
  return [
    draft('routine', `CREATE OPERATOR FAMILY ${name} USING ${method}`),
    ...familyItems(new KnownObject(object, {}), object),
  ];
};

const contexts: Readonly<Record<string, string>> = {
  assignment: ' AS ASSIGNMENT',
  implicit: ' AS IMPLICIT',
};

const cast: Creator = (object) => {
  const method = object.need('method');
  const how =
    method === 'binary'
      ? 'WITHOUT FUNCTION'
      : method === 'in and out'
        ? 'WITH INOUT'
        : `WITH FUNCTION ${method}`;
  return [
    draft('operator', `CREATE CAST ${object.name} ${how}${contexts[object.need('context')] ?? ''}`),
  ];
};

const transform: Creator = (object) => {
  const at = object.name.lastIndexOf(' for ');
  const items = (['from sql', 'to sql'] as const).flatMap((key) => {
    const name = object.text(key);
    return name === undefined ? [] : [`${key.toUpperCase()} WITH FUNCTION ${name}`];
  });
  return [
    draft(
      'operator',
      `CREATE TRANSFORM FOR ${object.name.slice(0, at)} LANGUAGE ${object.name.slice(at + 5)} (${items.join(', ')})`,
    ),
  ];
};

export const operatorCreators: Readonly<Record<string, Creator>> = {
  operator,
  'operator class': operatorClass,
  'operator family': operatorFamily,
  cast,
  transform,
};

export const operatorAlterers: Readonly<Record<string, Alterer>> = {
  operator: alterOperator,
  'operator family': (before, after) => familyItems(before, after),
};
