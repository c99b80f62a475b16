import type { ExceededThreshold, RehearsalThresholds, RehearsedProbe } from './rehearsal.js';

/** What thresholds are about, of a rehearsal. */
export interface RehearsalFacts {
  readonly recordsLost: number;
  readonly valuesChanged: number;
  readonly exclusiveLockMs: number;
  readonly durationMs: number;
  /** Null where it is not known: no limit counts for it then. */
  readonly walBytes: number | null;
  readonly probes: readonly Pick<RehearsedProbe, 'verdict'>[];
}

type Threshold = keyof RehearsalThresholds;

const format = new Intl.NumberFormat('en-US', { maximumFractionDigits: 1 });
const milliseconds = (ms: number): string => `${format.format(ms)} ms`;
const megabytes = (bytes: number): string => `${format.format(bytes / 1_000_000)} MB`;
const noun = (n: number, word: string): string =>
  `${format.format(n)} ${word}${n === 1 ? '' : 's'}`;

const message: Readonly<Record<Threshold, (actual: number, limit: number) => string>> = {
  maxRecordsLost: (actual, limit) =>
    `${noun(actual, 'record')} lost, at most ${format.format(limit)} allowed`,
  maxValuesChanged: (actual, limit) =>
    `${noun(actual, 'value')} changed, at most ${format.format(limit)} allowed`,
  maxExclusiveLockMs: (actual, limit) =>
    `a table was locked for everybody for ${milliseconds(actual)}, at most ${milliseconds(limit)} allowed`,
  maxDurationMs: (actual, limit) =>
    `the migration took ${milliseconds(actual)}, at most ${milliseconds(limit)} allowed`,
  maxWalBytes: (actual, limit) =>
    `${megabytes(actual)} of WAL written, at most ${megabytes(limit)} allowed`,
  maxProbesBroken: (actual, limit) =>
    `${noun(actual, 'probe')} broken or changed, at most ${format.format(limit)} allowed`,
};

/** How many of the application's queries no longer do what they did. */
function brokenProbes(probes: RehearsalFacts['probes']): number {
  return probes.filter(({ verdict }) => verdict === 'broken' || verdict === 'changed').length;
}

/**
 * The thresholds that a rehearsal has passed. What is as large as its threshold has not.
 *
 * @example
 * exceededThresholds({ ...facts, recordsLost: 1234 }, { maxRecordsLost: 0 })[0].message;
 * // "1,234 records lost, at most 0 allowed"
 */
export function exceededThresholds(
  facts: RehearsalFacts,
  thresholds: RehearsalThresholds,
): ExceededThreshold[] {
  const { recordsLost, valuesChanged, exclusiveLockMs, durationMs, walBytes, probes } = facts;
  const actual: Readonly<Record<Threshold, number | null>> = {
    ...{ maxRecordsLost: recordsLost, maxValuesChanged: valuesChanged },
    ...{ maxExclusiveLockMs: exclusiveLockMs, maxDurationMs: durationMs, maxWalBytes: walBytes },
    maxProbesBroken: brokenProbes(probes),
  };
  // Somebody who gives probes wants them to hold.
  const limits = { ...thresholds, maxProbesBroken: thresholds.maxProbesBroken ?? 0 };
  return (Object.keys(message) as Threshold[]).flatMap((threshold) => {
    const limit = limits[threshold];
    const found = actual[threshold];
    if (limit === undefined || found === null || found <= limit) return [];
    return [{ threshold, limit, actual: found, message: message[threshold](found, limit) }];
  });
}
