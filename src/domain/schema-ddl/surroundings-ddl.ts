import { literal, withoutArguments } from './ddl-names.js';
import { type Alterer, type Creator, draft, draftIf } from './ddl-statement.js';
import type { KnownObject } from './known-schema.js';
import { changedForeignOptions, foreignOptions } from './options.js';

const clause = (object: KnownObject, key: string, keyword: string): string => {
  const value = object.text(key);
  return value === undefined ? '' : ` ${keyword} ${withoutArguments(value)}`;
};

const schema: Creator = ({ name }) => [draft('schema', `CREATE SCHEMA ${name}`)];

const extension: Creator = (object) => [
  draft(
    'extension',
    `CREATE EXTENSION ${object.name} SCHEMA ${object.need('schema')} VERSION ${literal(object.need('version')).trim()}`,
  ),
];

const alterExtension: Alterer = (before, after) => [
  ...draftIf(
    before.text('schema') !== after.text('schema'),
    'extension',
    () => `ALTER EXTENSION ${after.name} SET SCHEMA ${after.need('schema')}`,
  ),
  ...draftIf(
    before.text('version') !== after.text('version'),
    'extension',
    () => `ALTER EXTENSION ${after.name} UPDATE TO ${literal(after.need('version')).trim()}`,
  ),
];

const language: Creator = (object) => [
  draft(
    'foreign server',
    `CREATE ${object.has('trusted') ? 'TRUSTED ' : ''}LANGUAGE ${object.name}` +
      clause(object, 'handler', 'HANDLER') +
      clause(object, 'inline', 'INLINE') +
      clause(object, 'validator', 'VALIDATOR'),
  ),
];

/** What it is made of are its grants. */
const defaultPrivileges: Creator = () => [];

const foreignDataWrapper: Creator = (object) => [
  draft(
    'foreign server',
    `CREATE FOREIGN DATA WRAPPER ${object.name}` +
      clause(object, 'handler', 'HANDLER') +
      clause(object, 'validator', 'VALIDATOR') +
      foreignOptions(object.list('options')),
  ),
];

const alterForeignDataWrapper: Alterer = (before, after) => {
  const handling = (['handler', 'validator'] as const).flatMap((key) => {
    if (before.text(key) === after.text(key)) return [];
    const value = after.text(key);
    return [
      value === undefined ? ` NO ${key.toUpperCase()}` : clause(after, key, key.toUpperCase()),
    ];
  });
  const rest = handling.join('') + changedForeignOptions(before, after, 'options');
  return draftIf(rest, 'foreign server', () => `ALTER FOREIGN DATA WRAPPER ${after.name}${rest}`);
};

const foreignServer: Creator = (object) => {
  const type = object.text('type');
  const version = object.text('version');
  return [
    draft(
      'foreign server',
      `CREATE SERVER ${object.name}` +
        (type === undefined ? '' : ` TYPE ${literal(type).trim()}`) +
        (version === undefined ? '' : ` VERSION ${literal(version).trim()}`) +
        ` FOREIGN DATA WRAPPER ${object.need('wrapper')}${foreignOptions(object.list('options'))}`,
    ),
  ];
};

const alterForeignServer: Alterer = (before, after) => {
  const isSame = ['wrapper', 'type'].every((key) => before.text(key) === after.text(key));
  if (!isSame) return undefined;
  const version = after.text('version');
  const rest =
    (before.text('version') === version
      ? ''
      : ` VERSION ${version === undefined ? 'NULL' : literal(version).trim()}`) +
    changedForeignOptions(before, after, 'options');
  return draftIf(rest, 'foreign server', () => `ALTER SERVER ${after.name}${rest}`);
};

/** Without its options, as the model does not have them: secrets are among them. */
const userMapping: Creator = (object) => {
  const server = object.need('server');
  const role = object.name.slice(0, object.name.length - ` on ${server}`.length);
  return [draft('reaction', `CREATE USER MAPPING FOR ${role} SERVER ${server}`)];
};

const accessMethod: Creator = (object) => [
  draft(
    'shell type',
    `CREATE ACCESS METHOD ${object.name} TYPE ${object.need('type').toUpperCase()}${clause(object, 'handler', 'HANDLER')}`,
  ),
];

export const surroundingCreators: Readonly<Record<string, Creator>> = {
  schema,
  extension,
  language,
  'default privileges': defaultPrivileges,
  'foreign data wrapper': foreignDataWrapper,
  'foreign server': foreignServer,
  'user mapping': userMapping,
  'access method': accessMethod,
};

export const surroundingAlterers: Readonly<Record<string, Alterer>> = {
  extension: alterExtension,
  'foreign data wrapper': alterForeignDataWrapper,
  'foreign server': alterForeignServer,
};
