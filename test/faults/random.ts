/** Numbers that look random and come again with the same seed. */
export interface Random {
  /** From 0 up to, not including, 1. */
  next(): number;
  /** From `low` up to, not including, `high`. */
  between(low: number, high: number): number;
  pick<T>(from: readonly T[]): T;
}

/** @param stream tells apart what must not influence each other, e.g. the number of a round */
export function createRandom(seed: number, stream: string): Random {
  let state = hash(`${seed}/${stream}`);
  // Mulberry32: small, and good enough to spread delays.
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const pick = <T>(from: readonly T[]): T => {
    const one = from[Math.floor(next() * from.length)];
    if (one === undefined) throw new Error('nothing to pick from');
    return one;
  };
  return { next, pick, between: (low, high) => low + next() * (high - low) };
}

function hash(text: string): number {
  let result = 2166136261;
  for (const character of text) {
    result = Math.imul(result ^ (character.codePointAt(0) ?? 0), 16777619);
  }
  return result | 0;
}
