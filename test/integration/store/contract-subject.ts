import { expect } from 'vitest';
import type { Store, StoredStream } from '../../../src/store/store.js';

type With<T> = (work: (given: T) => Promise<void>) => Promise<void>;

/** A store of a test's own, empty. */
export interface ContractSubject {
  readonly store: Store;
  /** Begins an upload that nobody will finish, as a process that was killed. */
  leaveUnfinished(key: string): Promise<void>;
}

export interface Contract {
  withStore: With<ContractSubject>;
  /** One that can lock. */
  withLockingStore: With<ContractSubject>;
  readonly confirmedBy: StoredStream['confirmedBy'];
  readonly lockMode: string;
}

export const text = (value: string) => Buffer.from(value);
export const keysOf = async (store: Store, prefix = '') =>
  (await store.list(prefix)).map(({ key }) => key);

/** Nothing of an upload that did not succeed may be left. */
export async function expectNothing(store: Store): Promise<void> {
  expect(await keysOf(store)).toEqual([]);
  expect(await store.listUnfinished('')).toEqual([]);
}
