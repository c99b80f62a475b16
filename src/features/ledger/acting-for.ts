import { AsyncLocalStorage } from 'node:async_hooks';

const callers = new AsyncLocalStorage<string>();

/**
 * Runs work that somebody else has asked for, e.g. over HTTP: entries that it appends to the ledger name them beside the user of
 * the machine.
 * @param caller for people, without a secret, e.g. "token deploy (tok_4f3a)"
 */
export function actingFor<T>(caller: string, work: () => Promise<T>): Promise<T> {
  return callers.run(caller, work);
}

/** Undefined: the user of the machine asked. */
export const currentCaller = (): string | undefined => callers.getStore();
