import { inventedName, nameSql, qualifiedSql } from './sql-names.js';

/** A table as it is named when the statement runs. */
interface NamedTable {
  readonly schema: string;
  readonly name: string;
}

const steps = (...lines: readonly string[]): string => lines.join('\n');

/** Text of a statement in one line, for what is shown after it. */
function inOneLine(sql: string): string {
  const line = sql.replace(/\s+/g, ' ').trim();
  return line.length > 160 ? `${line.slice(0, 159)}…` : line;
}

/** A short lock, yet one that queues: wait a little only, and try again. */
export function withLockTimeout(sql: string): string {
  return steps(
    "SET lock_timeout = '2s';",
    `${inOneLine(sql)};`,
    '-- and again while it fails with SQLSTATE 55P03 (`belay migrate up` sets a lock_timeout and tries again by itself)',
  );
}

/** Add it without looking at the rows that are there, and look at them under a lock that lets writers go on. */
export function notValidFirst(table: NamedTable, name: string, definition: string): string {
  const sql = qualifiedSql(table);
  return steps(
    `ALTER TABLE ${sql} ADD CONSTRAINT ${nameSql(name)} ${definition} NOT VALID;`,
    '-- in a transaction of its own:',
    `ALTER TABLE ${sql} VALIDATE CONSTRAINT ${nameSql(name)};`,
  );
}

/** By a check that is validated while writers go on; on 18 NOT NULL itself can be added like that. */
export function notNullInSteps(table: NamedTable, column: string, serverVersion: number): string {
  const name = inventedName(table.name, [column], 'not_null');
  if (serverVersion >= 180000) return notValidFirst(table, name, `NOT NULL ${nameSql(column)}`);
  const sql = qualifiedSql(table);
  return steps(
    notValidFirst(table, name, `CHECK (${nameSql(column)} IS NOT NULL)`),
    `ALTER TABLE ${sql} ALTER COLUMN ${nameSql(column)} SET NOT NULL;`,
    `ALTER TABLE ${sql} DROP CONSTRAINT ${nameSql(name)};`,
  );
}

/** Build the index while writers go on, then let the constraint take it over. */
export function uniqueByIndex(
  table: NamedTable,
  {
    name,
    kind,
    columns,
    end,
  }: {
    readonly name: string;
    readonly kind: 'UNIQUE' | 'PRIMARY KEY';
    /** As they are written in SQL, with what belongs to the index behind them. */
    readonly columns: string;
    /** INCLUDE, NULLS NOT DISTINCT; empty: none. */
    readonly end: string;
  },
): string {
  const sql = qualifiedSql(table);
  return steps(
    '-- outside of a transaction:',
    `CREATE UNIQUE INDEX CONCURRENTLY ${nameSql(name)} ON ${sql} (${columns})${end};`,
    `ALTER TABLE ${sql} ADD CONSTRAINT ${nameSql(name)} ${kind} USING INDEX ${nameSql(name)};`,
  );
}

/** The same statement with CONCURRENTLY after some words of it, which it begins with. */
export function concurrently(sql: string, after: RegExp): string {
  return steps(
    '-- outside of a transaction:',
    `${inOneLine(sql.replace(after, (words) => `${words} CONCURRENTLY`))};`,
  );
}

/** A second column beside the old one, filled step by step, put in its place at the end. */
export function columnBeside(
  table: NamedTable,
  {
    column,
    type,
    value,
  }: { readonly column: string; readonly type: string; readonly value: string },
): string {
  const [sql, old] = [qualifiedSql(table), nameSql(column)];
  const beside = nameSql(inventedName(column, [], 'new'));
  return steps(
    `ALTER TABLE ${sql} ADD COLUMN ${beside} ${type};`,
    '-- let the application, or a trigger, write both columns; then fill it in batches:',
    `UPDATE ${sql} SET ${beside} = ${value} WHERE ${beside} IS NULL AND ${old} IS NOT NULL; -- some thousand rows at a time, by the key`,
    '-- default, NOT NULL, indexes and constraints as the old one has them; then, in one transaction, with lock_timeout:',
    `ALTER TABLE ${sql} RENAME COLUMN ${old} TO ${nameSql(inventedName(column, [], 'old'))};`,
    `ALTER TABLE ${sql} RENAME COLUMN ${beside} TO ${old};`,
  );
}

/** The column first, without what makes PostgreSQL write every row; the rows in batches afterwards. */
export function columnThenBackfill(
  table: NamedTable,
  {
    column,
    type,
    value,
    required,
  }: {
    readonly column: string;
    readonly type: string;
    /** What rows get, as it is written in SQL. */
    readonly value: string;
    readonly required: boolean;
  },
  serverVersion: number,
): string {
  const [sql, name] = [qualifiedSql(table), nameSql(column)];
  return steps(
    `ALTER TABLE ${sql} ADD COLUMN ${name} ${type};`,
    `ALTER TABLE ${sql} ALTER COLUMN ${name} SET DEFAULT ${value};`,
    `UPDATE ${sql} SET ${name} = ${value} WHERE ${name} IS NULL; -- some thousand rows at a time, by the key`,
    ...(required ? [notNullInSteps(table, column, serverVersion)] : []),
  );
}

/** First nobody uses it any more, then it goes. */
export function contractColumn(table: NamedTable, column: string): string {
  return steps(
    '-- first a release of the application that neither reads nor writes it; where it is required:',
    `ALTER TABLE ${qualifiedSql(table)} ALTER COLUMN ${nameSql(column)} DROP NOT NULL;`,
    '-- then, with a backup (`belay migrate up --backup database`):',
    `ALTER TABLE ${qualifiedSql(table)} DROP COLUMN ${nameSql(column)};`,
  );
}

/** Waits for those who use the parent, and blocks nobody. */
export function detachConcurrently(parent: NamedTable, partition: NamedTable): string {
  const sql = `ALTER TABLE ${qualifiedSql(parent)} DETACH PARTITION ${qualifiedSql(partition)}`;
  return steps(
    '-- outside of a transaction; it leaves a check with the bound on the partition, which may be dropped:',
    `${sql} CONCURRENTLY;`,
  );
}

/** A check that says what the bound will: then attaching reads nothing under the strong lock. */
export function checkThenAttach(
  partition: NamedTable,
  { condition, attach }: { readonly condition: string; readonly attach: string },
): string {
  const name = inventedName(partition.name, [], 'bound');
  return steps(
    notValidFirst(partition, name, `CHECK (${condition})`),
    `${inOneLine(attach)};`,
    `ALTER TABLE ${qualifiedSql(partition)} DROP CONSTRAINT ${nameSql(name)};`,
  );
}

/** The same for a domain, whose columns may be in many tables. */
export function notValidDomain(domain: NamedTable, name: string): string {
  const sql = qualifiedSql(domain);
  return steps(
    `ALTER DOMAIN ${sql} ADD CONSTRAINT ${nameSql(name)} CHECK (…) NOT VALID;`,
    '-- in a transaction of its own, once no value breaks it:',
    `ALTER DOMAIN ${sql} VALIDATE CONSTRAINT ${nameSql(name)};`,
  );
}
