import type { Node } from 'libpg-query';

/** A cast that a USING clause consists of: `USING column::type`. */
export interface WrittenCast {
  /** Column that is cast, without quotes. */
  readonly column: string;
}

/** What a USING clause casts, where it is nothing but one column and one cast. */
export async function readWrittenCast(expression: string): Promise<WrittenCast | undefined> {
  const { parse } = await import('libpg-query');
  const parsed = await parse(`SELECT ${expression}`).catch(() => undefined);
  const statement = parsed?.stmts?.[0]?.stmt as Node | undefined;
  const target = statement && 'SelectStmt' in statement && statement.SelectStmt.targetList?.[0];
  const value = target && 'ResTarget' in target ? target.ResTarget.val : undefined;
  const argument = value && 'TypeCast' in value ? value.TypeCast.arg : undefined;
  const fields = argument && 'ColumnRef' in argument ? argument.ColumnRef.fields : undefined;
  const last = fields?.at(-1);
  const name = last && 'String' in last ? last.String.sval : undefined;
  return name === undefined ? undefined : { column: name };
}
