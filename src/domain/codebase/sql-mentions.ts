/** A table that SQL names, with the alias under which its columns are named. */
export interface MentionedTable {
  readonly schema: string | null;
  readonly name: string;
  readonly alias: string | null;
}

export interface MentionedColumn {
  /** Table or alias before it; null where there is none. */
  readonly of: string | null;
  readonly name: string;
}

/** What a piece of SQL names. */
export interface SqlMentions {
  readonly tables: readonly MentionedTable[];
  readonly columns: readonly MentionedColumn[];
  /** `SELECT *`, or INSERT without a list of columns: all columns of its tables. */
  readonly takesAll: boolean;
}

const verbs =
  /^\s*(?:select|insert|update|delete|merge|with|alter|create|drop|truncate|copy|lock|refresh|comment|grant|revoke|explain|table|values)\b/i;

/** Whether a text begins as SQL does. */
export function looksLikeSql(text: string): boolean {
  return verbs.test(text);
}
