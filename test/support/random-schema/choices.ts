/** Kinds of objects that a random schema is made of. */
export const objectKinds = [
  'schema',
  'extension',
  'collation',
  'function',
  'enum',
  'domain',
  'composite',
  'range',
  'sequence',
  'table',
  'partition',
  'column',
  'constraint',
  'index',
  'view',
  'routine',
  'operator',
  'text search',
  'trigger',
  'rule',
  'policy',
  'statistics',
  'publication',
  'event trigger',
  'foreign',
  'privileges',
] as const;

export type ObjectKind = (typeof objectKinds)[number];

/**
 * One object of a random schema, as plain data: everything about it (its type, its flags, the objects it refers to) is
 * decided by its picks. All picks zero is the simplest object of the kind.
 */
export interface ObjectSpec {
  readonly kind: ObjectKind;
  /** Unique within the schema; it stays when the object is changed. */
  readonly id: number;
  readonly picks: readonly number[];
}

/** How many picks decide over an object. */
export const pickCount = 12;

/** A well-spread number of 32 bits for a text. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) {
    value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  }
  value = Math.imul(value ^ (value >>> 16), 0x45d9f3b);
  return (value ^ (value >>> 15)) >>> 0;
}

/** Decisions about one object. Each has a label; one pick decides over a few of them. */
export class Choices {
  readonly #spec: ObjectSpec;

  constructor(spec: ObjectSpec) {
    this.#spec = spec;
  }

  get id(): number {
    return this.#spec.id;
  }

  #value(label: string): number {
    const pick = this.#spec.picks[hash(label) % pickCount] ?? 0;
    return pick === 0 ? 0 : hash(`${label} ${pick}`);
  }

  /** A number from 0 to below the limit. */
  number(label: string, below: number): number {
    return this.#value(label) % below;
  }

  /** True about once in so many objects. */
  flag(label: string, oneIn = 2): boolean {
    return this.#value(label) % oneIn === oneIn - 1;
  }

  /** One of the items; the first is the simplest. */
  pick<T>(label: string, items: readonly [T, ...T[]]): T {
    return items[this.number(label, items.length)] ?? items[0];
  }

  /** Text that is there once in so many objects, else the empty one. */
  maybe(label: string, oneIn: number, text: string): string {
    return this.flag(label, oneIn) ? text : '';
  }

  /**
   * One of the objects that are there. Which one does not depend on the others: as long as it stays, an object that
   * refers to it keeps doing so, whatever comes and goes beside it.
   */
  reference<T extends { readonly id: number }>(
    label: string,
    candidates: readonly T[],
  ): T | undefined {
    const weight = (candidate: T) => hash(`${this.#value(label)} ${candidate.id}`);
    return candidates.reduce<T | undefined>(
      (best, one) => (best === undefined || weight(one) > weight(best) ? one : best),
      undefined,
    );
  }
}
