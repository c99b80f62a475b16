import { BelayError } from '../errors.js';

/**
 * What an abort means as an error.
 *
 * @param reason of the signal: an error, or the name of the signal that the process got
 * @param doing what was interrupted, as it reads after "while"
 */
export function interruption(reason: unknown, doing: string): BelayError {
  if (reason instanceof BelayError) return reason;
  return reason === 'SIGTERM'
    ? new BelayError('TERMINATED', `terminated while ${doing}`)
    : new BelayError('INTERRUPTED', `interrupted while ${doing}`);
}
