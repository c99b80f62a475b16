/** One object of a schema with its whole definition. */
export interface SchemaObject {
  /** e.g. "table", "column", "index", "function". */
  readonly kind: string;
  /** Qualified, unique within its kind, e.g. "public.orders.total" or "public.f(integer)". */
  readonly name: string;
  /** A canonical text of everything that matters about the object; equal text means equal object. */
  readonly definition: string;
}

/** A database's schema as plain data, in a stable order. */
export interface SchemaModel {
  readonly format: 1;
  readonly objects: readonly SchemaObject[];
}
