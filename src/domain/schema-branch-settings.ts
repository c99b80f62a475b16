import type { BranchRecord } from './branch.js';
import { formatPath, pathItems } from './schema-branch-text.js';

/** What decides where names without a schema lead in a schema branch. */
export interface PathFacts {
  /** The search_path that the user's connections begin with. */
  readonly path: string;
  /** Whether extensions have put objects into the schema that the branch is a copy of. */
  readonly hasExtensions: boolean;
  readonly user: string;
}

/**
 * The search_path of a branch: the source's, with the branch's schema in the place of the schema that it is a copy of. That one
 * stays behind it only where extensions live in it, whose types and operators have to be found.
 */
export function branchPath(
  { schema, sourceSchema }: Pick<BranchRecord, 'schema' | 'sourceSchema'>,
  { path, hasExtensions, user }: PathFacts,
): string {
  if (schema === null || sourceSchema === null) return path;
  const isSource = (item: string) =>
    item === sourceSchema || (item === '$user' && user === sourceSchema);
  const items = pathItems(path);
  const led = items.some(isSource)
    ? items.map((item) => (isSource(item) ? schema : item))
    : [schema, ...items];
  const whole = hasExtensions ? [...led, sourceSchema] : led;
  return formatPath([...new Set(whole)], ',');
}

/**
 * libpq's `options` with a search_path at their end, where it wins. Blanks and backslashes are escaped as libpq's server side
 * splits them.
 */
export function withSearchPath(options: string | undefined, path: string): string {
  const escaped = path.replace(/[\\\s]/g, (character) => `\\${character}`);
  return [options, `-c search_path=${escaped}`].filter((part) => part).join(' ');
}
