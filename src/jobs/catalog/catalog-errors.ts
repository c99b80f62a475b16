import { BelayError, toBelayError } from '../../errors.js';

/** What says that the catalog's server is away for now, and not that a statement was wrong. */
const awayCodes = new Set([
  'SERVER_UNREACHABLE',
  'SERVER_GONE',
  'TOO_MANY_CONNECTIONS',
  'READ_ONLY_SERVER',
  'LOCAL_SERVER_FAILED',
]);

/**
 * Says of a failure that it is the catalog that is away: what the database layer says reads as if the user's own database were
 * meant, and its hints are about that.
 */
export function catalogError(thrown: unknown, place: string): BelayError {
  const error = toBelayError(thrown);
  if (!awayCodes.has(error.code)) return error;
  return new BelayError('CATALOG_UNAVAILABLE', `the catalog ${place} is away: ${error.message}`, {
    hint: 'The server goes on by itself when its catalog is back. See whether that PostgreSQL runs and takes connections.',
    details: { ...error.details, reason: error.code },
    cause: error,
  });
}

export function isCatalogAway(error: unknown): boolean {
  return error instanceof BelayError && error.code === 'CATALOG_UNAVAILABLE';
}
