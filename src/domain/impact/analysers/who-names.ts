import { printedName } from '../world/printed-names.js';
import type { World } from '../world.js';

const mostNamed = 3;

/**
 * Functions whose body has a name as a word, e.g. "function public.total(integer)". PostgreSQL looks up what a body names when it
 * runs, so that nothing follows there. By word and not by grammar: a body may be in any language, and put SQL together as text. A
 * body that names another thing of the same name is named too.
 */
export function whoNames(world: World, name: string): string[] {
  const found = world.catalog.routines.filter(
    ({ source }) => source !== null && wordsOf(source).has(name.toLowerCase()),
  );
  const shown = found.slice(0, mostNamed).map(({ kind, schema, name: own, arguments: list }) => {
    return `${kind} ${printedName(schema, own)}(${list})`;
  });
  const more = found.length - shown.length;
  return more > 0 ? [...shown, `${more} more`] : shown;
}

/** Names in SQL; letters beyond ASCII may be part of one. */
function wordsOf(source: string): ReadonlySet<string> {
  return new Set(source.toLowerCase().match(/[\p{L}_][\p{L}\p{N}_$]*/gu) ?? []);
}
