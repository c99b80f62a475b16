import { literal, withoutArguments } from './ddl-names.js';
import { type Alterer, type Creator, draft, draftIf } from './ddl-statement.js';
import type { KnownObject, KnownSchema } from './known-schema.js';

const definitionOf = (items: readonly (string | undefined | false)[]): string =>
  items.filter((item) => typeof item === 'string').join(', ');

const enumeration: Creator = (object) => [
  draft('type', `CREATE TYPE ${object.name} AS ENUM (${object.list('labels').join(', ')})`),
];

/** New labels can be added where the old ones stay in their order; each is usable after a commit only. */
const alterEnumeration: Alterer = (before, after) => {
  const [was, is] = [before.list('labels'), after.list('labels')];
  const kept = is.filter((label) => was.includes(label));
  if (kept.join('\n') !== was.join('\n')) return undefined;
  return is.flatMap((label, index) => {
    if (was.includes(label)) return [];
    const previous = is[index - 1];
    const place = previous === undefined ? ` BEFORE ${was[0]}` : ` AFTER ${previous}`;
    return [
      draft('type', `ALTER TYPE ${after.name} ADD VALUE ${label}${was.length === 0 ? '' : place}`),
    ];
  });
};

/** A call of a function of the user's, which may be made after what calls it. */
export const callsUserFunction = (expression: string): boolean =>
  /[\w"]\.(?:"(?:[^"]|"")+"|[\w$]+)\(/.test(expression);

const domain: Creator = (object, schema) => {
  const collation = object.text('collation');
  const value = object.text('default');
  const isNamed = schema
    .partsOf('constraint', object.name)
    .some((one) => one.need('definition').startsWith('NOT NULL'));
  const isLate = value !== undefined && callsUserFunction(value);
  return [
    draft(
      'type',
      `CREATE DOMAIN ${object.name} AS ${object.need('type')}` +
        (collation === undefined ? '' : ` COLLATE ${collation}`) +
        (value === undefined || isLate ? '' : ` DEFAULT ${value}`) +
        (object.has('not null') && !isNamed ? ' NOT NULL' : ''),
    ),
    ...draftIf(isLate, 'default', () => `ALTER DOMAIN ${object.name} SET DEFAULT ${value}`),
  ];
};

const alterDomain: Alterer = (before, after) => {
  const fixed = ['type', 'collation'].every((key) => before.text(key) === after.text(key));
  if (!fixed) return undefined;
  const value = after.text('default');
  return [
    ...draftIf(
      before.text('default') !== value,
      'default',
      () =>
        `ALTER DOMAIN ${after.name} ${value === undefined ? 'DROP DEFAULT' : `SET DEFAULT ${value}`}`,
    ),
    ...draftIf(
      before.has('not null') !== after.has('not null'),
      'default',
      () => `ALTER DOMAIN ${after.name} ${after.has('not null') ? 'SET' : 'DROP'} NOT NULL`,
    ),
  ];
};

function attribute(type: KnownObject, name: string, schema: KnownSchema): string {
  const column = schema.find('column', `${type.name}.${name}`);
  const collation = column?.text('collation');
  return `${name} ${column?.need('type')}${collation === undefined ? '' : ` COLLATE ${collation}`}`;
}

const composite: Creator = (object, schema) => {
  const attributes = object.list('column order').map((name) => attribute(object, name, schema));
  return [draft('type', `CREATE TYPE ${object.name} AS (${attributes.join(', ')})`)];
};

const usesOf = (type: string, schema: KnownSchema): boolean =>
  schema.objects.some(
    (object) =>
      ['column', 'domain'].includes(object.kind) &&
      [type, `${type}[]`].includes(object.need('type')),
  );

/**
 * Its attributes are objects of their own. Their order is part of the value: where no column has such values yet, those that
 * stand too early are taken away and added again.
 */
const alterComposite: Alterer = (before, after, schemas) => {
  const [was, is] = [before.list('column order'), after.list('column order')];
  const isSameSet = was.length === is.length && is.every((name) => was.includes(name));
  if (!isSameSet || usesOf(after.name, schemas.before)) return [];
  const moved = is.slice(is.findIndex((name, index) => was[index] !== name));
  const actions = [
    ...moved.map((name) => `DROP ATTRIBUTE ${name}`),
    ...moved.map((name) => `ADD ATTRIBUTE ${attribute(after, name, schemas.after)}`),
  ];
  return [draft('type', `ALTER TYPE ${after.name} ${actions.join(', ')}`)];
};

const collationItem = (object: KnownObject): string | undefined => {
  const collation = object.text('collation');
  return collation === undefined ? undefined : `COLLATION = ${collation}`;
};

const range: Creator = (object) => {
  const named = (key: string, keyword: string) => {
    const value = object.text(key);
    return value === undefined ? undefined : `${keyword} = ${withoutArguments(value)}`;
  };
  const items = definitionOf([
    `SUBTYPE = ${object.need('subtype')}`,
    `SUBTYPE_OPCLASS = ${object.need('operator class')}`,
    collationItem(object),
    named('canonical', 'CANONICAL'),
    named('difference', 'SUBTYPE_DIFF'),
    named('multirange', 'MULTIRANGE_TYPE_NAME'),
  ]);
  return [
    ...draftIf(object.has('canonical'), 'shell type', () => `CREATE TYPE ${object.name}`),
    draft('type', `CREATE TYPE ${object.name} AS RANGE (${items})`),
  ];
};

const functionsOfBaseType = [
  ['input', 'INPUT'],
  ['output', 'OUTPUT'],
  ['receive', 'RECEIVE'],
  ['send', 'SEND'],
  ['modifier input', 'TYPMOD_IN'],
  ['modifier output', 'TYPMOD_OUT'],
  ['analyze', 'ANALYZE'],
  ['subscript', 'SUBSCRIPT'],
] as const;

const alignments: Readonly<Record<string, string>> = {
  c: 'char',
  s: 'int2',
  i: 'int4',
  d: 'double',
};
const storages: Readonly<Record<string, string>> = {
  p: 'plain',
  e: 'external',
  x: 'extended',
  m: 'main',
};

const base: Creator = (object) => {
  const shell = draft('shell type', `CREATE TYPE ${object.name}`);
  if (object.has('shell')) return [shell];
  const [category = 'U', preferred] = object.need('category').split(' ');
  const element = object.text('element');
  const value = object.text('default');
  const length = object.need('length');
  const items = definitionOf([
    ...functionsOfBaseType.map(([key, keyword]) => {
      const name = object.text(key);
      return name === undefined ? undefined : `${keyword} = ${withoutArguments(name)}`;
    }),
    `INTERNALLENGTH = ${length === '-1' ? 'VARIABLE' : length}`,
    object.has('by value') && 'PASSEDBYVALUE',
    `ALIGNMENT = ${alignments[object.need('alignment')] ?? 'int4'}`,
    `STORAGE = ${storages[object.need('storage')] ?? 'plain'}`,
    `CATEGORY = ${literal(category).trim()}`,
    preferred !== undefined && 'PREFERRED = true',
    value !== undefined && `DEFAULT = ${literal(value).trim()}`,
    element !== undefined && `ELEMENT = ${element}`,
    `DELIMITER = ${literal(object.need('delimiter')).trim()}`,
    object.has('collatable') && 'COLLATABLE = true',
  ]);
  return [shell, draft('operator', `CREATE TYPE ${object.name} (${items})`)];
};

export const typeCreators: Readonly<Record<string, Creator>> = {
  enum: enumeration,
  domain,
  'composite type': composite,
  'range type': range,
  'base type': base,
};

export const typeAlterers: Readonly<Record<string, Alterer>> = {
  enum: alterEnumeration,
  domain: alterDomain,
  'composite type': alterComposite,
};
