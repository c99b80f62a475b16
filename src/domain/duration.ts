import { BelayError } from '../errors.js';

const unitMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/**
 * Reads a duration such as 30s, 10m, 12h, 7d or 2w.
 * @returns milliseconds
 * @throws BelayError USAGE
 */
export function parseDuration(text: string): number {
  const match = /^(\d{1,9})(ms|s|m|h|d|w)$/.exec(text);
  const unit = unitMs[match?.[2] ?? ''];
  if (match && unit !== undefined) return Number(match[1]) * unit;
  throw new BelayError('USAGE', `"${text}" is not a duration`, {
    hint: 'Write it like 30s, 10m, 12h, 7d or 2w.',
  });
}
