const mebibyte = 1024 * 1024;
const smallestBytes = 8 * mebibyte;
/** Node's buffers and the servers' limits are larger, but this is held in memory. */
const largestBytes = 1024 * mebibyte;
/** S3 allows 10,000 parts. What is left after these is for sources that turn out larger than expected. */
const plannedParts = 9000;

/**
 * How large each part of an upload is. Where the size is known they are all the same (some servers insist on that). Else
 * they double every 1,000 parts: 8 GB need 8 MiB a part, and 10,000 parts reach 3 TB.
 *
 * @param partNumber from 1
 */
export function partSizeBytes(partNumber: number, expectedBytes: number | undefined): number {
  if (expectedBytes === undefined) {
    return Math.min(smallestBytes * 2 ** Math.floor((partNumber - 1) / 1000), largestBytes);
  }
  const even = Math.ceil(expectedBytes / plannedParts / mebibyte) * mebibyte;
  const planned = Math.max(even, smallestBytes);
  const doublings = Math.max(0, Math.ceil((partNumber - plannedParts) / 100));
  return Math.min(planned * 2 ** doublings, Math.max(largestBytes, planned));
}

/** Three parts of this size in memory are still below 300 MB with everything else. */
const concurrentBytes = 32 * mebibyte;

/** How many parts may be on their way at once, beside the one that is being filled. */
export function partsInFlight(sizeBytes: number): number {
  return sizeBytes <= concurrentBytes ? 2 : 1;
}
