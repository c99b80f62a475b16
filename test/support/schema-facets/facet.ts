/**
 * One facet of a schema: a statement that changes it, and one that takes it back with the means of SQL. What a comparison
 * must name is all of `names`, and nothing else.
 */
export interface SchemaFacet {
  readonly sql: string;
  readonly undo: string;
  /** "added index app.by_total", sorted by kind of object and name. */
  readonly names: readonly string[];
  /** The first version that has the statement; undefined: all. */
  readonly since?: number;
}

export const facet = (sql: string, undo: string, ...names: string[]): SchemaFacet => ({
  sql,
  undo,
  names,
});
export const since = (version: number, one: SchemaFacet): SchemaFacet => ({
  ...one,
  since: version,
});
