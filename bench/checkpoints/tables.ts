import { align, ratio, size, time } from '../tables.js';
import {
  type CheckpointMeasurement,
  type CheckpointResult,
  medianMs,
  medianSizeBytes,
  medianSteps,
  peakMemory,
} from './results.js';

function describeMemory(measurement: CheckpointMeasurement): string {
  return Object.entries(peakMemory(measurement))
    .sort(([, a], [, b]) => b - a)
    .map(([program, bytes]) => `${program} ${size(bytes)}`)
    .join(', ');
}

function busy({ runs }: CheckpointMeasurement): string {
  const share = runs.reduce((sum, { busyShare }) => sum + busyShare, 0) / runs.length;
  return `${Math.round(share * 100)} %`;
}

/** How many bytes of the archive go through in a second, where it is read or written as a whole. */
function rate(measurement: CheckpointMeasurement): string {
  const bytes = medianSizeBytes(measurement);
  return bytes === null ? '' : `${size(bytes / (medianMs(measurement) / 1000))}/s`;
}

function mainTable({ measurements }: CheckpointResult): string[] {
  const header = ['what', 'variant', 'time', 'archive', 'per second', 'busy', 'how'];
  const rows = measurements.map((one) => {
    const bytes = medianSizeBytes(one);
    return [
      ...[one.name, one.variant, time(medianMs(one)), bytes === null ? '' : size(bytes)],
      ...[rate(one), busy(one), one.what],
    ];
  });
  return align([header, ...rows]).map((line) => `  ${line}`);
}

function stepLines({ measurements }: CheckpointResult): string[] {
  const lines = measurements.flatMap((one) => {
    const steps = Object.entries(medianSteps(one)).map(([name, ms]) => `${name} ${time(ms)}`);
    return steps.length === 0 ? [] : [[`${one.name}, ${one.variant}:`, steps.join(', ')]];
  });
  return lines.length === 0 ? [] : ['  steps', ...align(lines).map((line) => `    ${line}`)];
}

function memoryLines({ measurements }: CheckpointResult): string[] {
  const lines = measurements.flatMap((one) => {
    const text = describeMemory(one);
    return text === '' ? [] : [[`${one.name}, ${one.variant}:`, text]];
  });
  if (lines.length === 0) return ['  memory: not measured, it is read from /proc'];
  return [
    '  most memory of one process (of the server’s with what they share)',
    ...align(lines).map((line) => `    ${line}`),
  ];
}

/** Everything about one server, as lines. */
export function renderCheckpoints(result: CheckpointResult): string[] {
  return [
    '',
    `== checkpoints: ${result.name} ==`,
    `${size(result.sizeBytes)}, ${result.rows.toLocaleString('en')} rows`,
    ...mainTable(result),
    ...stepLines(result),
    ...memoryLines(result),
    ...comparisons(result),
  ];
}

/** Against the same work with the same compression, which is more than the bars ask for. */
function comparisons(result: CheckpointResult): string[] {
  const find = (name: string, variant: string) =>
    result.measurements.find((one) => one.name === name && one.variant === variant);
  const lines = ['folder', 'S3'].flatMap((place) => {
    const belay = find('checkpoint', place);
    const same = find('pg_dump -Z1, upload, pg_restore', place);
    if (!belay || !same) return [];
    const value = ratio(medianMs(belay) / medianMs(same));
    return [`  a checkpoint into ${place} takes ${value} as long as the same with pg_dump -Z1`];
  });
  return lines.length === 0 ? [] : ['', ...lines];
}
