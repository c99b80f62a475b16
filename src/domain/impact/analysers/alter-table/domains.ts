import type { LiveType } from '../../live-catalog.js';
import { qualifiedSql } from '../../sql-names.js';
import { type ConversionSurroundings, type DomainFacts, parseType } from '../../type-conversion.js';
import type { World } from '../../world.js';

function isConstrained(world: World, type: LiveType): boolean {
  const own =
    type.notNull === true ||
    world.catalog.constraints.some(({ domain, kind }) => domain === type.oid && kind !== 't');
  if (own || type.baseType === null) return own;
  const below = findByText(world, type.baseType);
  return below?.kind === 'd' && isConstrained(world, below);
}

/** The user's type that `format_type` prints like this; undefined: it is none, or an array. */
export function findByText(world: World, text: string): LiveType | undefined {
  const { base, isArray } = parseType(text);
  if (isArray) return undefined;
  return world.catalog.types.find((type) => qualifiedSql(type) === base);
}

export function domainOf(world: World, text: string): DomainFacts | undefined {
  const type = findByText(world, text);
  if (type?.kind !== 'd' || type.baseType === null) return undefined;
  return { baseType: type.baseType, isConstrained: isConstrained(world, type) };
}

export function conversionSurroundings(world: World): ConversionSurroundings {
  return {
    domainOf: (type) => domainOf(world, type),
    isEnum: (type) => findByText(world, type)?.kind === 'e',
    timeZone: world.catalog.timeZone,
  };
}
