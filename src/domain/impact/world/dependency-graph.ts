import type { Address, LiveDependency } from '../live-catalog.js';
import { splitAddress } from './address.js';

/** Why an object is among those that go. The names are those of PostgreSQL's dependency.c. */
const flag = {
  original: 1,
  normal: 2,
  auto: 4,
  internal: 8,
  partition: 16,
  extension: 32,
  /** It goes because a part of it had to: never a reason to go unasked. */
  reverse: 64,
  /** It may only go together with what it is a partition's part of. */
  isPartitionPart: 128,
  /** A column of a table that goes. */
  subobject: 256,
} as const;

const flagOfType: Readonly<Record<string, number>> = {
  n: flag.normal,
  a: flag.auto,
  x: flag.auto,
  i: flag.internal,
  P: flag.partition,
  S: flag.partition,
  e: flag.extension,
};

const unasked = flag.auto | flag.internal | flag.partition | flag.extension;

export interface DropTarget {
  readonly address: Address;
  /** What takes it along; null for what was named. */
  readonly dependee: Address | null;
  /** PostgreSQL refuses without CASCADE. */
  readonly needsCascade: boolean;
  /** Goes with what was named even without CASCADE. */
  readonly isOwn: boolean;
  /** Another target, of which it is a part: it would go with that one unasked. */
  readonly owner: Address | null;
}

export interface DropTargets {
  readonly targets: readonly DropTarget[];
  /** Objects that need a named one, or what would go, to be there: not even CASCADE helps. */
  readonly requiring: readonly Address[];
}

/** Who depends on whom, and what goes when something is dropped. */
export class DependencyGraph {
  readonly #dependents = new Map<string, LiveDependency[]>();
  readonly #needs = new Map<string, LiveDependency[]>();
  readonly #isGone: (address: Address) => boolean;

  constructor(dependencies: readonly LiveDependency[], isGone: (address: Address) => boolean) {
    this.#isGone = isGone;
    for (const dependency of dependencies) this.add(dependency);
  }

  add(dependency: LiveDependency): void {
    push(this.#dependents, splitAddress(dependency.on).object, dependency);
    push(this.#needs, splitAddress(dependency.dependent).object, dependency);
  }

  /** Takes out dependencies of an object, e.g. of a column on its former type. */
  remove(dependent: Address, isToGo: (dependency: LiveDependency) => boolean): void {
    const gone = this.needsOf(dependent).filter(isToGo);
    for (const dependency of gone) {
      take(this.#dependents, splitAddress(dependency.on).object, dependency);
      take(this.#needs, splitAddress(dependency.dependent).object, dependency);
    }
  }

  /** Dependencies of an object on others; of a whole object also those of its parts. */
  needsOf(address: Address): readonly LiveDependency[] {
    const { object, part } = splitAddress(address);
    return (this.#needs.get(object) ?? []).filter(
      ({ dependent, on }) => (part === '0' || dependent === address) && !this.#isGone(on),
    );
  }

  /** Dependencies of others on an object; of a whole object also those on its parts. */
  dependentsOf(address: Address): readonly LiveDependency[] {
    const { object, part } = splitAddress(address);
    return (this.#dependents.get(object) ?? []).filter(
      ({ dependent, on }) => (part === '0' || on === address) && !this.#isGone(dependent),
    );
  }

  /** All that goes with the named objects. Nothing is changed. */
  collect(named: readonly Address[]): DropTargets {
    return new Collector(this, named).collect();
  }
}

function push<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.push(value);
  else map.set(key, [value]);
}

function take<T>(map: Map<string, T[]>, key: string, value: T): void {
  const list = map.get(key);
  if (list) list.splice(list.indexOf(value), 1);
}

interface Target {
  readonly address: Address;
  flags: number;
  dependee: Address | null;
}

/** An object whose dependents are being looked at. */
interface Frame {
  readonly address: Address;
  flags: number;
  readonly above: Frame | null;
}

/**
 * PostgreSQL's own way through its catalogs (findDependentObjects of dependency.c), step by step: the order and the exceptions
 * decide what goes, and what PostgreSQL refuses.
 */
class Collector {
  readonly #graph: DependencyGraph;
  readonly #named: readonly Address[];
  readonly #targets = new Map<Address, Target>();
  /** Targets by their whole object. */
  readonly #byObject = new Map<string, Target[]>();
  readonly #requiring = new Set<Address>();
  /** Ways on which something goes unasked: from what to what. */
  readonly #unaskedWays = new Map<Address, Address[]>();
  /** Of parts of partitions: what they may only go together with. */
  readonly #partitionOwners = new Map<Address, Address>();

  constructor(graph: DependencyGraph, named: readonly Address[]) {
    this.#graph = graph;
    this.#named = named;
  }

  collect(): DropTargets {
    for (const address of this.#named) this.#visit(address, flag.original, null, null);
    for (const { address, flags } of this.#targets.values()) {
      const owner = this.#partitionOwners.get(address);
      if (flags & flag.isPartitionPart && !(flags & flag.partition) && owner) {
        this.#requiring.add(owner);
      }
    }
    const own = this.#reachableUnasked();
    const owners = this.#owners();
    const targets = [...this.#targets.values()].map(({ address, flags, dependee }) => ({
      ...{ address, dependee: flags & flag.original ? null : dependee },
      needsCascade: !(flags & (flag.original | flag.subobject | unasked)),
      ...{ isOwn: own.has(address), owner: owners.get(address) ?? null },
    }));
    return { targets, requiring: [...this.#requiring] };
  }

  #visit(address: Address, flags: number, above: Frame | null, dependee: Address | null): void {
    if (this.#isOnStack(address, flags, above)) return;
    if (this.#isTarget(address, flags)) return;
    const owner = this.#ownerToDropInstead(address, above);
    if (owner === 'refused') return;
    if (owner) {
      this.#visit(owner, flag.reverse, above, dependee);
      this.#isTarget(address, flags);
      return;
    }
    const frame: Frame = { address, flags, above };
    if (this.#partitionOwners.has(address)) frame.flags |= flag.isPartitionPart;
    for (const { dependent, type } of this.#graph.dependentsOf(address)) {
      if (isWithin(dependent, address)) continue;
      const dependentFlags = flagOfType[type] ?? flag.normal;
      if (dependentFlags & unasked) push(this.#unaskedWays, address, dependent);
      this.#visit(dependent, dependentFlags, frame, address);
    }
    this.#add({ address, flags: frame.flags, dependee });
  }

  /** What the object is a part of, where that does not go already: then it goes instead. "refused": it was named by itself. */
  #ownerToDropInstead(address: Address, above: Frame | null): Address | 'refused' | undefined {
    const needs = this.#graph.needsOf(address).filter(({ on }) => !isWithin(on, address));
    const needed = needs.find(({ type }) => type === 'P') ?? needs.find(({ type }) => type === 'S');
    if (needed) this.#partitionOwners.set(address, needed.on);
    const owners = needs.filter(({ type }) => type === 'i' || type === 'e');
    if (above) return owners.find(({ on }) => !this.#isOnStack(on, 0, above))?.on;
    const [first] = owners;
    if (!first) return undefined;
    const isNamed = owners.some(({ on }) => this.#named.some((name) => covers(name, on)));
    const refusing = owners.find(({ type }) => type === 'e') ?? first;
    if (!isNamed) this.#requiring.add(needed?.on ?? refusing.on);
    return 'refused';
  }

  #isOnStack(address: Address, flags: number, top: Frame | null): boolean {
    for (let frame = top; frame; frame = frame.above) {
      if (frame.address === address) {
        frame.flags |= flags;
        return true;
      }
      // A column, while its whole table is on the way out.
      if (covers(frame.address, address)) return true;
    }
    return false;
  }

  #isTarget(address: Address, flags: number): boolean {
    const { object, part } = splitAddress(address);
    let isFound = false;
    for (const target of this.#byObject.get(object) ?? []) {
      if (target.address === address) {
        target.flags |= flags;
        isFound = true;
      } else if (splitAddress(target.address).part === '0') {
        isFound = true;
      } else if (part === '0') {
        // One of its columns was to go: now it goes with the whole table.
        if (flags) target.flags |= flags | flag.subobject;
      }
    }
    return isFound;
  }

  #add(target: Target): void {
    this.#targets.set(target.address, target);
    push(this.#byObject, splitAddress(target.address).object, target);
  }

  #owners(): ReadonlyMap<Address, Address> {
    const owners = new Map<Address, Address>();
    for (const target of this.#targets.keys()) {
      for (const part of this.#unaskedWays.get(target) ?? []) owners.set(part, target);
    }
    return owners;
  }

  #reachableUnasked(): Set<Address> {
    const reached = new Set<Address>(this.#named.filter((name) => this.#targets.has(name)));
    // Sets give what is added on the way too.
    for (const address of reached) {
      for (const next of this.#unaskedWays.get(address) ?? []) {
        if (this.#targets.has(next)) reached.add(next);
      }
    }
    return reached;
  }
}

/** Both are parts of one object, or one is the whole of the other's. */
function isWithin(address: Address, whole: Address): boolean {
  const [one, other] = [splitAddress(address), splitAddress(whole)];
  return one.object === other.object && other.part === '0';
}

function covers(whole: Address, address: Address): boolean {
  return whole === address || (address !== whole && isWithin(address, whole));
}
