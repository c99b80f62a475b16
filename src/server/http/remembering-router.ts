import type { Result, Router } from 'hono/router';
import { TrieRouter } from 'hono/router/trie-router';

/**
 * Finds the handlers of a request. What was found for a path without variables is remembered: the search takes as long as all
 * that the framework does for such a request otherwise.
 */
export class RememberingRouter<T> implements Router<T> {
  readonly name = 'RememberingRouter';
  readonly #router = new TrieRouter<T>();
  /** Paths as routes have them: only so many can be remembered, whatever is asked for. */
  readonly #fixedPaths = new Set<string>();
  readonly #found = new Map<string, Result<T>>();

  add(method: string, path: string, handler: T): void {
    this.#router.add(method, path, handler);
    if (!/[:*{?]/.test(path)) this.#fixedPaths.add(path);
    this.#found.clear();
  }

  match(method: string, path: string): Result<T> {
    const key = `${method} ${path}`;
    const known = this.#found.get(key);
    if (known) return known;
    const result = this.#router.match(method, path);
    if (isOfHttp.has(method) && this.#fixedPaths.has(path)) this.#found.set(key, result);
    return result;
  }
}

const isOfHttp = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
