import { literal, splitOutsideQuotes } from './ddl-names.js';
import { type Draft, draft } from './ddl-statement.js';
import { designate, keywordOf } from './designations.js';
import { KnownObject, type KnownSchema } from './known-schema.js';

/** Attributes that any kind of object may have, and that are changed in one way for all. */
export const annotationKeys = ['owner', 'grants', 'revoked', 'comment', 'security labels'];

/** What grants on a kind are written with; others have none. */
const grantKeywords: Readonly<Record<string, string>> = {
  sequence: 'SEQUENCE',
  schema: 'SCHEMA',
  function: 'ROUTINE',
  procedure: 'ROUTINE',
  aggregate: 'ROUTINE',
  enum: 'TYPE',
  'composite type': 'TYPE',
  'range type': 'TYPE',
  'base type': 'TYPE',
  domain: 'TYPE',
  language: 'LANGUAGE',
  'foreign data wrapper': 'FOREIGN DATA WRAPPER',
  'foreign server': 'FOREIGN SERVER',
};

/** "bob: SELECT, UPDATE with grant option by alice", read. */
interface Grant {
  readonly grantee: string;
  readonly privileges: readonly string[];
  readonly isGrantable: boolean;
  readonly grantor: string | undefined;
}

function parseGrant(text: string): Grant {
  const [grantee, rest] = splitOutsideQuotes(text, ': ');
  const match = /^([A-Z, ]+?)( with grant option)?(?: by (.*))?$/s.exec(rest);
  return {
    grantee,
    privileges: (match?.[1] ?? rest).split(', '),
    isGrantable: match?.[2] !== undefined,
    grantor: match?.[3],
  };
}

type Verb = 'GRANT' | 'REVOKE';

function verbSql(verb: Verb, what: string, { grantee, isGrantable }: Grant): string {
  if (verb === 'REVOKE') return `REVOKE ${what} FROM ${grantee}`;
  return `GRANT ${what} TO ${grantee}${isGrantable ? ' WITH GRANT OPTION' : ''}`;
}

/** Only who granted can be the grantor, whoever else may grant. */
const asGrantor = ({ grantor }: Grant, sql: string): string =>
  grantor ? `SET ROLE ${grantor}; ${sql}; RESET ROLE` : sql;

function grantSql(verb: Verb, text: string, object: KnownObject): string {
  const grant = parseGrant(text);
  const isColumn = object.kind === 'column';
  const on = isColumn
    ? `TABLE ${object.on}`
    : `${grantKeywords[object.kind] ?? 'TABLE'} ${object.name}`;
  const privileges = isColumn
    ? grant.privileges.map((one) => `${one} (${object.ownName})`)
    : grant.privileges;
  const sql = verbSql(verb, `${privileges.join(', ')} ON ${on}`, grant);
  // What was granted on goes too, and is granted again where it should be there.
  return asGrantor(grant, verb === 'REVOKE' ? `${sql} CASCADE` : sql);
}

const missingIn = (list: readonly string[], other: readonly string[]): string[] =>
  list.filter((item) => !other.includes(item));

/** What has to be revoked, then what has to be granted, to get from one list to another. */
function changedGrants(before: KnownObject, after: KnownObject): [Verb, string][] {
  const revoked = [
    ...missingIn(before.list('grants'), after.list('grants')),
    ...missingIn(after.list('revoked'), before.list('revoked')),
  ];
  const granted = [
    ...missingIn(before.list('revoked'), after.list('revoked')),
    ...missingIn(after.list('grants'), before.list('grants')),
  ];
  // Who may grant on goes first: what others granted depends on it.
  granted.sort((a, b) => Number(/ by /.test(a)) - Number(/ by /.test(b)));
  return [
    ...revoked.map((text): [Verb, string] => ['REVOKE', text]),
    ...granted.map((text): [Verb, string] => ['GRANT', text]),
  ];
}

const objectTypes = / on (tables|sequences|functions|types|schemas|large objects)(?: in (.*))?$/s;

function defaultGrantSql(verb: Verb, text: string, object: KnownObject): string {
  const grant = parseGrant(text);
  const role = object.need('role');
  const [, type = 'tables', schema] = objectTypes.exec(object.name.slice(role.length)) ?? [];
  const place = schema === undefined ? '' : ` IN SCHEMA ${schema}`;
  const what = verbSql(verb, `${grant.privileges.join(', ')} ON ${type.toUpperCase()}`, grant);
  return `ALTER DEFAULT PRIVILEGES FOR ROLE ${role}${place} ${what}`;
}

function grantDrafts(before: KnownObject, after: KnownObject): Draft[] {
  const changes = changedGrants(before, after);
  if (after.kind === 'default privileges') {
    return changes.map(([verb, text]) =>
      draft('default privileges', defaultGrantSql(verb, text, after)),
    );
  }
  return changes.map(([verb, text]) => draft('grant', grantSql(verb, text, after)));
}

/** A sequence of a column has its table's owner. */
function ownerDrafts(before: KnownObject, after: KnownObject): Draft[] {
  const owner = after.text('owner');
  if (owner === undefined || owner === before.text('owner')) return [];
  if (after.kind === 'sequence' && after.has('owned by')) return [];
  const name = after.kind.startsWith('operator ')
    ? splitOutsideQuotes(after.name, ' using ').join(' USING ')
    : after.name;
  return [draft('owner', `ALTER ${keywordOf(after.kind)} ${name} OWNER TO ${owner}`)];
}

function labelDrafts(before: KnownObject, after: KnownObject, target: string): Draft[] {
  const [was, is] = [before.list('security labels'), after.list('security labels')];
  const sql = (label: string, value: string) => {
    const [provider] = splitOutsideQuotes(label, ': ');
    return draft('comment', `SECURITY LABEL FOR ${provider} ON ${target} IS ${value}`);
  };
  return [
    ...missingIn(was, is).map((label) => sql(label, 'NULL')),
    ...missingIn(is, was).map((label) => sql(label, literal(splitOutsideQuotes(label, ': ')[1]))),
  ];
}

/** The statements that give an object the owner, grants, comment and labels that it should have. */
export function annotationDrafts(
  before: KnownObject,
  after: KnownObject,
  schema: KnownSchema,
): Draft[] {
  const found = [...ownerDrafts(before, after), ...grantDrafts(before, after)];
  const target = designate(after, schema);
  if (target === undefined) return found;
  const comment = after.text('comment');
  if (comment !== before.text('comment')) {
    const value = comment === undefined ? 'NULL' : literal(comment);
    found.push(draft('comment', `COMMENT ON ${target} IS ${value}`));
  }
  return [...found, ...labelDrafts(before, after, target)];
}

/** An object of the same name as it is when a role has just made it. */
export function justMade(object: KnownObject, role: string | undefined): KnownObject {
  return new KnownObject(object, role === undefined ? {} : { owner: role });
}
