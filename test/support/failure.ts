import { expect } from 'vitest';
import type { BelayError, ErrorCode } from '../../src/errors.js';

/** Waits for a failure and gives it, so that its message and hint can be looked at. */
export async function failure(work: Promise<unknown>, code: ErrorCode): Promise<BelayError> {
  const error: unknown = await work.then(
    () => new Error(`expected ${code}, but it succeeded`),
    (thrown: unknown) => thrown,
  );
  expect(error).toMatchObject({ code });
  return error as BelayError;
}
