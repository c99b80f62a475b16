import type {
  MentionedColumn,
  MentionedTable,
  SqlMentions,
} from '../domain/codebase/sql-mentions.js';

/**
 * Puts a parameter where a program has a placeholder of its own: `${…}`, `%s`, `%(name)s`, `{name}`, `#{…}`, `:name`, `@name`, `?`.
 */
function withParameters(sql: string): string {
  return sql
    .replace(/[$#]\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}|%\(\w+\)s|%[sdvq]\b|\{\w*\}|\?/g, '$1')
    .replace(/(?<![:\w]):[A-Za-z_]\w*|(?<![@\w])@[A-Za-z_]\w*/g, '$1');
}

/**
 * The tables and columns that SQL in a program's string names.
 * @returns null where PostgreSQL's grammar cannot read it
 */
export async function findSqlMentions(sql: string): Promise<SqlMentions | null> {
  const { parse } = await import('libpg-query');
  try {
    const { stmts = [] } = await parse(withParameters(sql));
    const collected = { tables: [], columns: [], takesAll: false };
    for (const { stmt } of stmts) collect(stmt, collected);
    return collected;
  } catch {
    return null;
  }
}

interface Collected {
  tables: MentionedTable[];
  columns: MentionedColumn[];
  takesAll: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null);

function collect(value: unknown, found: Collected): void {
  if (Array.isArray(value)) {
    for (const item of value) collect(item, found);
    return;
  }
  if (!isFields(value)) return;
  takeTable(value, found);
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'ColumnRef' && isFields(inner)) takeColumn(inner, found);
    if ((key === 'InsertStmt' || key === 'UpdateStmt') && isFields(inner))
      takeTargets(inner, key, found);
    if ((key === 'AlterTableCmd' || key === 'IndexElem') && isFields(inner)) {
      takeNamed(inner, found);
    }
    collect(inner, found);
  }
}

function takeTable({ relname, schemaname, alias }: Fields, found: Collected): void {
  const name = textOf(relname);
  if (name === null) return;
  const called = isFields(alias) ? textOf(alias.aliasname) : null;
  found.tables.push({ schema: textOf(schemaname), name, alias: called });
}

function takeColumn({ fields }: Fields, found: Collected): void {
  if (!Array.isArray(fields)) return;
  const names = fields.map((field: Fields) => {
    const { String: text } = field as { String?: { sval?: string } };
    return text?.sval ?? null;
  });
  const name = names.at(-1);
  if (name === null) found.takesAll = true;
  else if (name !== undefined) found.columns.push({ of: names.at(-2) ?? null, name });
}

function takeTargets(statement: Fields, kind: string, found: Collected): void {
  const targets = kind === 'InsertStmt' ? statement.cols : statement.targetList;
  if (!Array.isArray(targets)) {
    found.takesAll = true;
    return;
  }
  for (const target of targets as { ResTarget?: Fields }[]) {
    const name = textOf(target.ResTarget?.name);
    if (name !== null) found.columns.push({ of: null, name });
  }
}

function takeNamed({ name }: Fields, found: Collected): void {
  const column = textOf(name);
  if (column !== null) found.columns.push({ of: null, name: column });
}
