import type { ImpactPlan } from '../impact.js';

/** Something that a plan takes away, as an application may name it. */
export interface CodeName {
  readonly schema: string | null;
  readonly table: string;
  /** Null: the table itself. */
  readonly column: string | null;
}

/** How sure it is that a place means the name, and not something else of the same word. */
export type Confidence = 'high' | 'medium' | 'low';

/** A place in the application's files that still names what goes away: a hint, never a proof. */
export interface CodeMention {
  /** Relative to the folder that was searched, with `/`. */
  readonly file: string;
  readonly line: number;
  /** The line, without the white space around it. */
  readonly text: string;
  /** What names it there, e.g. "SQL in a string", "Prisma model User, field email". */
  readonly what: string;
  readonly confidence: Confidence;
  readonly name: CodeName;
}

/** Rules after whose statements the object's name means nothing any more, and how many parts the object's name has. */
const goneTables = new Set([
  ...['drop-table', 'drop-view', 'drop-materialized-view', 'drop-foreign-table', 'rename-table'],
  'move-schema',
]);
const goneColumns = new Set(['drop-column', 'rename-column']);

/** The tables, views and columns whose names go away with a plan, each once. */
export function goneNames({ statements }: ImpactPlan): CodeName[] {
  const found = new Map<string, CodeName>();
  for (const { rule, object } of statements.flatMap(({ impacts }) => impacts)) {
    const isColumn = goneColumns.has(rule);
    if (!isColumn && !goneTables.has(rule)) continue;
    const parts = nameParts(object);
    const column = isColumn ? (parts.pop() ?? null) : null;
    const table = parts.pop();
    if (table === undefined) continue;
    const schema = parts.pop() ?? null;
    found.set(JSON.stringify([schema, table, column]), { schema, table, column });
  }
  return [...found.values()];
}

/** `a.b.c`, of which each may be quoted. */
function nameParts(name: string): string[] {
  return [...name.matchAll(/"((?:[^"]|"")*)"|([^."]+)/g)].map(
    ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
  );
}

/** For people: `users.email`. */
export function describeName({ table, column }: CodeName): string {
  return column === null ? table : `${table}.${column}`;
}
