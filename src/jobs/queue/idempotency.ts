import { BelayError } from '../../errors.js';
import type { Catalog, CatalogConnection } from '../catalog/catalog.js';

/** What a caller sends to say that it is the same request as before. */
export interface IdempotencyKey {
  readonly key: string;
  /** Of everything that the request says. */
  readonly requestHash: string;
}

export interface KeyOfCaller extends IdempotencyKey {
  /** Keys of two callers have nothing to do with each other. */
  readonly callerId: string;
}

/**
 * Begins a job once for each key, however often and however many at a time the same request comes. Keys are kept for 24 hours.
 *
 * @param begin begins the job; hands its argument on to `jobs.add`, which writes job and key in one transaction
 * @returns the id of the first job of that key
 * @example
 * await withIdempotencyKey(catalog, { key, callerId, requestHash }, async (idempotency) => ({
 *   jobId: (await jobs.add({ ...order, caller, idempotency })).id,
 * }));
 * @throws BelayError IDEMPOTENCY_KEY_REUSED where the key came with another request, and what `begin` throws
 */
export async function withIdempotencyKey(
  catalog: Catalog,
  { key, callerId, requestHash }: KeyOfCaller,
  begin: (idempotency: IdempotencyKey) => Promise<{ readonly jobId: string }>,
): Promise<{ readonly jobId: string }> {
  const known = await findByKey(catalog, { key, callerId, requestHash });
  if (known !== undefined) return { jobId: known };
  const { jobId } = await begin({ key, requestHash });
  const kept = await findByKey(catalog, { key, callerId, requestHash });
  if (kept === jobId) return { jobId };
  throw new BelayError('BUG', `the job ${jobId} was begun without its idempotency key`);
}

/**
 * @returns the id of the job that the key began
 * @throws BelayError IDEMPOTENCY_KEY_REUSED
 */
export async function findByKey(
  connection: CatalogConnection,
  { key, callerId, requestHash }: KeyOfCaller,
): Promise<string | undefined> {
  const [found] = await connection.query<{ job: string; request_hash: string }>(
    'SELECT job, request_hash FROM belay_server.idempotency WHERE caller_id = $1 AND key = $2',
    [callerId, key],
    'looking for the idempotency key',
  );
  if (!found) return undefined;
  if (found.request_hash === requestHash) return found.job;
  throw new BelayError(
    'IDEMPOTENCY_KEY_REUSED',
    `the idempotency key came with another request, which began the job ${found.job}`,
    { hint: 'Use a new key for a new request.', details: { job: found.job } },
  );
}
