import { inject } from 'vitest';

/**
 * Belay's data folder for the whole run: the servers of drills are prepared once for all tests, and nothing is left in
 * the developer's own.
 */
export function testHome(): string {
  return inject('testHome');
}
