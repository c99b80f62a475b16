import { parseDefinition } from './definition.js';
import type { SchemaChange } from './schema-model.js';

/** A statement that the server remembers, and whose it was. */
export interface SeenStatement {
  readonly sql: string;
  /** The role, and where it worked from as far as that is known, e.g. `alice (psql, 10.0.0.5)`. */
  readonly by: string;
  /** ISO 8601, not before it ran for the first time; null where the server does not say. */
  readonly at: string | null;
}

const longest = 300;

/** A comment, a constant in its quotes (which may be cut off), or a name in quotes; only the last is kept. */
const tokens =
  /--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|"(?:[^"]|"")*"?|\b[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|'(?:[^']|'')*(?:'|$)|\$(\w*)\$[\s\S]*?(?:\$\1\$|$)/g;

/**
 * A statement as it may be shown: without comments, and with every constant in quotes left out, as there may be a password
 * in one. Long ones are cut.
 *
 * @example
 * withoutConstants("CREATE USER MAPPING FOR me SERVER s OPTIONS (password 'secret')");
 * // CREATE USER MAPPING FOR me SERVER s OPTIONS (password '…')
 */
export function withoutConstants(sql: string): string {
  const text = sql
    .replace(tokens, (token) => {
      if (token.startsWith('"')) return token;
      return token.startsWith('--') || token.startsWith('/*') ? ' ' : "'…'";
    })
    .replaceAll(/\s+/g, ' ')
    .trim();
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}

/** What a statement that did it must have; changes of names look like a removal and an addition. */
const verbs: Readonly<Record<SchemaChange['kind'], RegExp>> = {
  added: /\b(?:create|add|rename|attach|detach|import|generated)\b/i,
  removed: /\b(?:drop|rename|attach|detach)\b/i,
  changed: /\b(?:alter|replace|grant|revoke|comment|label|cluster|reindex|reassign)\b/i,
};

/** The parts of a name as the model has it: "public.orders.total", "public.f(integer)". */
function partsOf(name: string): string[] {
  return (
    name.match(/"(?:[^"]|"")*"|[^."(]+|\(.*$/gs)?.filter((part) => !part.startsWith('(')) ?? []
  );
}

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

function mentions(sql: string, part: string): boolean {
  if (part.startsWith('"') && sql.includes(part)) return true;
  const bare = part.startsWith('"') ? part.slice(1, -1) : part;
  return new RegExp(`(?:^|[^\\w$])${escaped(bare)}(?:$|[^\\w$])`, 'i').test(sql);
}

/** The names that a statement about the object has in it; each list is enough. */
function namesToFind({ object, name }: SchemaChange, definition: string): string[][] {
  const parts = partsOf(name);
  const own = parts.slice(parts.length > 2 ? -2 : -1);
  const { on } = parseDefinition(definition);
  // Constraints and indexes are often named by the server.
  const isNamed = !['constraint', 'index'].includes(object) || typeof on !== 'string';
  return isNamed ? [own] : [own, partsOf(on).slice(-1)];
}

/**
 * The newest of the statements that may have made a change: it has the object's name, and a word that fits. Statements
 * from before the schema was recorded are no answer.
 */
export function findStatement(
  change: SchemaChange,
  definition: string,
  { statements, since }: { statements: readonly SeenStatement[]; since: string },
): SeenStatement | undefined {
  const later = statements
    .filter(({ at }) => at === null || Date.parse(at) >= Date.parse(since))
    .sort((a, b) => (b.at ?? '').localeCompare(a.at ?? ''));
  for (const names of namesToFind(change, definition)) {
    const found = later.find(({ sql }) => {
      const text = withoutConstants(sql);
      return verbs[change.kind].test(text) && names.every((part) => mentions(text, part));
    });
    if (found && names.length > 0) return found;
  }
  return undefined;
}
