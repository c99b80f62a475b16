import type { LiveCatalog } from '../live-catalog.js';
import { splitAddress } from './address.js';

/** Which columns have a type, or one that is made of it. */
export class LiveTypes {
  readonly #catalog: LiveCatalog;
  #madeOf: Map<number, number[]> | undefined;

  constructor(catalog: LiveCatalog) {
    this.#catalog = catalog;
  }

  columnsOf(oid: number): readonly { readonly relation: number; readonly number: number }[] {
    const types = this.#withAllMadeOf(oid);
    return this.#catalog.columns.filter(({ typeOid }) => types.has(typeOid));
  }

  /** The type, its arrays, domains and ranges over it, composite types with it, and so on. */
  #withAllMadeOf(oid: number): ReadonlySet<number> {
    this.#madeOf ??= this.#readMadeOf();
    const found = new Set([oid]);
    for (const type of found) {
      for (const next of this.#madeOf.get(type) ?? []) found.add(next);
      for (const { relation, typeOid } of this.#catalog.columns) {
        if (typeOid !== type) continue;
        const row = this.#rowTypes.get(relation);
        if (row !== undefined) found.add(row);
      }
    }
    return found;
  }

  get #rowTypes(): ReadonlyMap<number, number> {
    return new Map(this.#catalog.types.map(({ relation, oid }) => [relation, oid]));
  }

  #readMadeOf(): Map<number, number[]> {
    const madeOf = new Map<number, number[]>();
    const add = (from: number, to: number) => {
      madeOf.set(from, [...(madeOf.get(from) ?? []), to]);
    };
    for (const { oid, elementOf } of this.#catalog.types) if (elementOf > 0) add(elementOf, oid);
    for (const { dependent, on } of this.#catalog.dependencies) {
      const [type, other] = [splitAddress(dependent).object, splitAddress(on).object];
      if (!type.startsWith('pg_type/') || !other.startsWith('pg_type/')) continue;
      add(Number(other.slice(8)), Number(type.slice(8)));
    }
    return madeOf;
  }
}
