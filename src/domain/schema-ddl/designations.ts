import { namePartsOf, splitOutsideQuotes } from './ddl-names.js';
import type { KnownObject, KnownSchema } from './known-schema.js';

/** Keywords of kinds that are not their own name in capitals. */
const keywords: Readonly<Record<string, string>> = {
  enum: 'TYPE',
  'composite type': 'TYPE',
  'range type': 'TYPE',
  'base type': 'TYPE',
  'statistics object': 'STATISTICS',
  'foreign server': 'SERVER',
  function: 'ROUTINE',
  procedure: 'ROUTINE',
  aggregate: 'ROUTINE',
};

/** The keyword of a kind in ALTER, DROP and COMMENT. */
export const keywordOf = (kind: string): string => keywords[kind] ?? kind.toUpperCase();

/** Kinds that are named together with the relation that they are part of. */
const onRelation = ['trigger', 'rule', 'policy', 'constraint'];

/** "schema.class USING btree" of an operator class or family. */
function withMethod(name: string): string {
  const [qualified, method] = splitOutsideQuotes(name, ' using ');
  return `${qualified} USING ${method}`;
}

/**
 * An object as COMMENT, DROP and SECURITY LABEL name it: `TRIGGER touch ON app.orders`. Undefined for what has no such name.
 */
export function designate(
  { kind, name, on, ownName, attributes }: KnownObject,
  schema: KnownSchema,
): string | undefined {
  if (onRelation.includes(kind)) {
    const isOnDomain = kind === 'constraint' && schema.find('domain', on) !== undefined;
    return `${keywordOf(kind)} ${ownName} ON ${isOnDomain ? 'DOMAIN ' : ''}${on}`;
  }
  if (kind === 'operator class' || kind === 'operator family') {
    return `${keywordOf(kind)} ${withMethod(name)}`;
  }
  if (kind === 'transform') {
    const at = name.lastIndexOf(' for ');
    return `TRANSFORM FOR ${name.slice(0, at)} LANGUAGE ${name.slice(at + 5)}`;
  }
  if (kind === 'user mapping') {
    const role = name.slice(0, name.length - ` on ${attributes.server}`.length);
    return `USER MAPPING FOR ${role} SERVER ${attributes.server}`;
  }
  if (kind === 'default privileges') return undefined;
  return `${keywordOf(kind)} ${name}`;
}

/** The schema of an object, as it is written. */
export const schemaOf = (name: string): string => namePartsOf(name)[0] ?? '';
