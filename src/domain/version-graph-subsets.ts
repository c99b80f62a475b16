/** Sets of versions and which of them lie in which. */
export interface SubsetOrder {
  /** For each set the group of the sets that are equal to it. */
  readonly groupOf: readonly number[];
  /** For each group the positions of its sets, ascending. */
  readonly members: readonly (readonly number[])[];
  /** For each group those within it that lie in no other group within it. */
  readonly parentsOf: readonly (readonly number[])[];
  /** Whether a set lies in another one that has more. */
  isWithin(part: number, whole: number): boolean;
}

/** Whole numbers as bits: thousands of sets of thousands of versions are compared with one another. */
type Bits = Uint32Array;

const bitsFor = (size: number): Bits => new Uint32Array(Math.ceil(size / 32));

function add(bits: Bits, index: number): void {
  bits[index >>> 5] = (bits[index >>> 5] ?? 0) | (1 << (index & 31));
}

const has = (bits: Bits, index: number): boolean =>
  ((bits[index >>> 5] ?? 0) & (1 << (index & 31))) !== 0;

function addAll(bits: Bits, others: Bits): void {
  for (let word = 0; word < bits.length; word += 1) {
    bits[word] = (bits[word] ?? 0) | (others[word] ?? 0);
  }
}

interface Group {
  readonly size: number;
  readonly bits: Bits;
  /** Its largest number: of the version that was seen last, which most other sets do not have. */
  readonly newest: number;
  readonly members: number[];
}

function isSubset({ bits, newest }: Group, whole: Bits): boolean {
  if (newest < 0) return true;
  if (!has(whole, newest)) return false;
  for (let word = newest >>> 5; word >= 0; word -= 1) {
    if (((bits[word] ?? 0) & ~(whole[word] ?? 0)) !== 0) return false;
  }
  return true;
}

function newestOf(bits: Bits): number {
  const word = bits.findLastIndex((value) => value !== 0);
  return word < 0 ? -1 : word * 32 + 31 - Math.clz32(bits[word] ?? 0);
}

/** Finds which sets lie right below which others. */
export function findMaximalSubsets(sets: readonly (readonly string[])[]): SubsetOrder {
  const bits = toBits(sets);
  const { groups, groupOf } = groupEqual(sets, bits);
  const isWithin = (part: number, whole: number): boolean => {
    const [small, large] = [groups[groupOf[part] ?? 0], groups[groupOf[whole] ?? 0]];
    return small && large ? small.size < large.size && isSubset(small, large.bits) : false;
  };
  return {
    ...{ groupOf, members: groups.map(({ members }) => members) },
    ...{ parentsOf: findGroupParents(groups), isWithin },
  };
}

function toBits(sets: readonly (readonly string[])[]): Bits[] {
  const numbers = new Map<string, number>();
  for (const set of sets) {
    for (const version of set) if (!numbers.has(version)) numbers.set(version, numbers.size);
  }
  return sets.map((set) => {
    const bits = bitsFor(numbers.size);
    for (const version of set) add(bits, numbers.get(version) ?? 0);
    return bits;
  });
}

/** Groups in ascending order of their size. */
function groupEqual(sets: readonly (readonly string[])[], bits: readonly Bits[]) {
  const sizeOf = (index: number) => sets[index]?.length ?? 0;
  const order = [...sets.keys()].sort((a, b) => sizeOf(a) - sizeOf(b) || a - b);
  const groups: Group[] = [];
  const groupOf = new Array<number>(sets.length).fill(0);
  const byContents = new Map<string, number>();
  for (const index of order) {
    const own = bits[index] ?? bitsFor(0);
    const contents = Buffer.from(own.buffer).toString('latin1');
    const group = byContents.get(contents) ?? groups.length;
    byContents.set(contents, group);
    groups[group] ??= { size: sizeOf(index), bits: own, newest: newestOf(own), members: [] };
    groups[group]?.members.push(index);
    groupOf[index] = group;
  }
  return { groups, groupOf };
}

/** From the largest on: what lies in one that was found lies no longer right below. */
function findGroupParents(groups: readonly Group[]): number[][] {
  const below: Bits[] = [];
  return groups.map(({ size, bits }, index) => {
    const covered = bitsFor(groups.length);
    const parents: number[] = [];
    for (let candidate = index - 1; candidate >= 0; candidate -= 1) {
      const group = groups[candidate];
      if (!group || group.size >= size || has(covered, candidate)) continue;
      if (!isSubset(group, bits)) continue;
      parents.push(candidate);
      add(covered, candidate);
      addAll(covered, below[candidate] ?? covered);
    }
    below.push(covered);
    return parents;
  });
}
