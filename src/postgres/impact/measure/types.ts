import type { Session } from '../../session.js';

/** A type and its modifier (length, precision), as PostgreSQL numbers them; a domain is the type below it. */
export interface TypedBy {
  readonly oid: number;
  /** -1: none. */
  readonly modifier: number;
}

/** Oids of PostgreSQL's own types, which never change. */
export const builtIn = {
  ...{ int8: 20, int2: 21, int4: 23, text: 25, name: 19, float4: 700, float8: 701, numeric: 1700 },
  ...{ bpchar: 1042, varchar: 1043, bit: 1560, varbit: 1562 },
} as const;

/** Types that have no equality, or one that takes different values for equal: boxes are compared by their area. */
const comparedAsText = new Set([114, 142, 600, 601, 602, 603, 604, 628, 718]);

interface TypeRow {
  readonly oid: number;
  readonly category: string;
  readonly kind: string;
  /** Of an array, else 0. */
  readonly element: number;
  readonly isBuiltIn: boolean;
}

/** What is known of some types and of the casts between them. */
export class Types {
  readonly #types: ReadonlyMap<number, TypeRow>;
  readonly #casts: ReadonlyMap<string, string>;

  private constructor(types: ReadonlyMap<number, TypeRow>, casts: ReadonlyMap<string, string>) {
    this.#types = types;
    this.#casts = casts;
  }

  static async read(session: Session, oids: readonly number[]): Promise<Types> {
    const types = await session.query<TypeRow>(
      `SELECT t.oid, t.typcategory::text AS category, t.typtype::text AS kind,
              t.oid < 16384 AS "isBuiltIn",
              CASE WHEN t.typcategory = 'A' THEN t.typelem ELSE 0::oid END AS element
         FROM pg_catalog.pg_type t
        WHERE t.oid = ANY ($1::oid[])
           OR t.oid IN (SELECT typelem FROM pg_catalog.pg_type WHERE oid = ANY ($1::oid[]) AND typcategory = 'A')`,
      [oids],
    );
    const casts = await session.query<{ source: number; target: number; context: string }>(
      `SELECT castsource AS source, casttarget AS target, castcontext::text AS context
         FROM pg_catalog.pg_cast WHERE castsource = ANY ($1::oid[]) AND casttarget = ANY ($1::oid[])`,
      [types.map(({ oid }) => oid)],
    );
    return new Types(
      new Map(types.map((type) => [type.oid, type])),
      new Map(casts.map(({ source, target, context }) => [`${source} ${target}`, context])),
    );
  }

  isString(oid: number): boolean {
    return this.#types.get(oid)?.category === 'S';
  }

  isEnum(oid: number): boolean {
    return this.#types.get(oid)?.kind === 'e';
  }

  elementOf(oid: number): number {
    return this.#types.get(oid)?.element ?? 0;
  }

  /** Whether two equal values may still be different ones. */
  isComparedAsText(oid: number): boolean {
    const type = this.#types.get(oid);
    if (!type) return true;
    // citext takes A and a for equal.
    if (!type.isBuiltIn && type.category === 'S') return true;
    return comparedAsText.has(oid) || comparedAsText.has(type.element);
  }

  /** As an INSERT, and ALTER COLUMN TYPE without a cast of its own, converts. */
  isAssignable(from: number, to: number): boolean {
    return this.#converts(from, to, (context) => context !== 'e', false);
  }

  /** As `::` converts. */
  isCastable(from: number, to: number): boolean {
    return this.#converts(from, to, () => true, true);
  }

  #converts(
    from: number,
    to: number,
    accepts: (context: string) => boolean,
    isExplicit: boolean,
  ): boolean {
    if (from === to) return true;
    const context = this.#casts.get(`${from} ${to}`);
    if (context !== undefined) return accepts(context);
    const [fromElement, toElement] = [this.elementOf(from), this.elementOf(to)];
    if (fromElement && toElement)
      return this.#converts(fromElement, toElement, accepts, isExplicit);
    // Everything has a text form.
    return this.isString(to) || (isExplicit && this.isString(from));
  }
}
