import { literal, withoutArguments } from './ddl-names.js';
import { type Alterer, type Creator, type Draft, draft } from './ddl-statement.js';
import { KnownObject } from './known-schema.js';

const splitMapping = (mapping: string): [string, string] => {
  const at = mapping.indexOf(': ');
  return [mapping.slice(0, at), mapping.slice(at + 2)];
};

function mappings(before: KnownObject, after: KnownObject): Draft[] {
  const was = new Map(before.list('mappings').map(splitMapping));
  const is = new Map(after.list('mappings').map(splitMapping));
  const alter = `ALTER TEXT SEARCH CONFIGURATION ${after.name}`;
  return [
    ...[...was.keys()]
      .filter((token) => !is.has(token))
      .map((token) => draft('text search', `${alter} DROP MAPPING FOR ${token}`)),
    ...[...is]
      .filter(([token, dictionaries]) => was.get(token) !== dictionaries)
      .map(([token, dictionaries]) => {
        const verb = was.has(token) ? 'ALTER' : 'ADD';
        return draft('text search', `${alter} ${verb} MAPPING FOR ${token} WITH ${dictionaries}`);
      }),
  ];
}

const configuration: Creator = (object) => [
  draft(
    'text search',
    `CREATE TEXT SEARCH CONFIGURATION ${object.name} (PARSER = ${object.need('parser')})`,
  ),
  ...mappings(new KnownObject(object, {}), object),
];

const alterConfiguration: Alterer = (before, after) =>
  before.text('parser') === after.text('parser') ? mappings(before, after) : undefined;

const dictionary: Creator = (object) => {
  const options = object.text('options');
  return [
    draft(
      'text search',
      `CREATE TEXT SEARCH DICTIONARY ${object.name} (TEMPLATE = ${object.need('template')}${options === undefined ? '' : `, ${options}`})`,
    ),
  ];
};

/** The names of options, which are written as `name = 'value', …`. */
const optionNames = (options: string): string[] =>
  [...options.matchAll(/(?:^|, )("(?:[^"]|"")+"|[\w$]+) = (?:E?'(?:[^']|'')*'|[\d.+-]+)/g)].map(
    ([, name = '']) => name,
  );

const alterDictionary: Alterer = (before, after) => {
  if (before.text('template') !== after.text('template')) return undefined;
  const [was, is] = [before.text('options') ?? '', after.text('options') ?? ''];
  if (was === is) return [];
  const kept = optionNames(is);
  const gone = optionNames(was).filter((name) => !kept.includes(name));
  const items = [...gone, ...(is === '' ? [] : [is])];
  return [draft('text search', `ALTER TEXT SEARCH DICTIONARY ${after.name} (${items.join(', ')})`)];
};

const partsOfParser = [
  ['start', 'START'],
  ['token', 'GETTOKEN'],
  ['end', 'END'],
  ['types', 'LEXTYPES'],
  ['headline', 'HEADLINE'],
] as const;

const partsOfTemplate = [
  ['init', 'INIT'],
  ['lexize', 'LEXIZE'],
] as const;

const madeOf =
  (what: string, parts: readonly (readonly [string, string])[]): Creator =>
  (object) => {
    const items = parts.flatMap(([key, keyword]) => {
      const name = object.text(key);
      return name === undefined ? [] : [`${keyword} = ${withoutArguments(name)}`];
    });
    return [
      draft('text search', `CREATE TEXT SEARCH ${what} ${object.name} (${items.join(', ')})`),
    ];
  };

const collation: Creator = (object) => {
  const locale = object.text('locale');
  const ctype = object.text('ctype');
  const rules = object.text('rules');
  const constant = (text: string) => literal(text).trim();
  const items = [
    `provider = ${object.need('provider')}`,
    ...(locale === undefined
      ? []
      : ctype === undefined
        ? [`locale = ${constant(locale)}`]
        : [`lc_collate = ${constant(locale)}`, `lc_ctype = ${constant(ctype)}`]),
    ...(object.has('nondeterministic') ? ['deterministic = false'] : []),
    ...(rules === undefined ? [] : [`rules = ${constant(rules)}`]),
  ];
  return [draft('collation', `CREATE COLLATION ${object.name} (${items.join(', ')})`)];
};

const conversion: Creator = (object) => [
  draft(
    'text search',
    `CREATE ${object.has('default') ? 'DEFAULT ' : ''}CONVERSION ${object.name}` +
      ` FOR ${literal(object.need('from')).trim()} TO ${literal(object.need('to')).trim()}` +
      ` FROM ${withoutArguments(object.need('function'))}`,
  ),
];

/** Changes nothing where the two say the same; a change of anything else makes it anew. */
const published = (item: string): string => {
  const [table = '', columns = '', condition] =
    /^((?:"(?:[^"]|"")*"|[^\s"])+)( \((?:"(?:[^"]|"")*"|[^)"])*\))?(?: where ([\s\S]*))?$/
      .exec(item)
      ?.slice(1) ?? [item];
  return `TABLE ${table}${columns}${condition === undefined ? '' : ` WHERE (${condition})`}`;
};

function publicationParameters(object: KnownObject): string {
  const items = [
    `publish = ${literal(object.text('publishes') ?? '').trim()}`,
    `publish_via_partition_root = ${object.has('via root')}`,
  ];
  const generated = object.text('generated columns');
  if (generated !== undefined) items.push(`publish_generated_columns = ${generated}`);
  return items.join(', ');
}

const publishedObjects = (object: KnownObject): string[] => [
  ...object.list('tables').map(published),
  ...object.list('schemas').map((schema) => `TABLES IN SCHEMA ${schema}`),
];

const publication: Creator = (object) => {
  const objects = publishedObjects(object);
  const what = object.has('all tables')
    ? ' FOR ALL TABLES'
    : objects.length === 0
      ? ''
      : ` FOR ${objects.join(', ')}`;
  return [
    draft(
      'publication',
      `CREATE PUBLICATION ${object.name}${what} WITH (${publicationParameters(object)})`,
    ),
  ];
};

/** Never made anew where it can be helped: subscribers depend on it. */
const alterPublication: Alterer = (before, after) => {
  if (before.has('all tables') !== after.has('all tables')) return undefined;
  const objects = publishedObjects(after);
  const wasGenerated = before.has('generated columns') && !after.has('generated columns');
  const parameters =
    publicationParameters(after) + (wasGenerated ? ', publish_generated_columns = none' : '');
  const old = publishedObjects(before).map((item) => item.replace(/^(TABLE \S+).*$/s, '$1'));
  return [
    draft('publication', `ALTER PUBLICATION ${after.name} SET (${parameters})`),
    ...(publishedObjects(before).join('\n') === objects.join('\n')
      ? []
      : [
          draft(
            'publication',
            objects.length > 0
              ? `ALTER PUBLICATION ${after.name} SET ${objects.join(', ')}`
              : `ALTER PUBLICATION ${after.name} DROP ${old.join(', ')}`,
          ),
        ]),
  ];
};

export const textCreators: Readonly<Record<string, Creator>> = {
  'text search configuration': configuration,
  'text search dictionary': dictionary,
  'text search parser': madeOf('PARSER', partsOfParser),
  'text search template': madeOf('TEMPLATE', partsOfTemplate),
  collation,
  conversion,
  publication,
};

export const textAlterers: Readonly<Record<string, Alterer>> = {
  'text search configuration': alterConfiguration,
  'text search dictionary': alterDictionary,
  publication: alterPublication,
};
