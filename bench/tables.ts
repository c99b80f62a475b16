import { type Bar, barSizeBytes } from './bars.js';
import {
  findMeasurement,
  type Measurement,
  median,
  medianOutageMs,
  medianReportedMs,
  medianTotalMs,
  type Operation,
  type ServerResult,
  type SizeResult,
  type StartUpResult,
} from './results.js';

/** Pads columns: the first and the last to the left, those between to the right. */
export function align(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 || column === columns - 1 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** "1.23 s", "45 ms". */
export function time(valueMs: number): string {
  return valueMs < 1000 ? `${Math.round(valueMs)} ms` : `${(valueMs / 1000).toFixed(2)} s`;
}

export function ratio(value: number): string {
  return `${value.toFixed(value < 10 ? 1 : 0)}x`;
}

export function size(bytes: number): string {
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}

/** Against whom Belay's time for an operation is held; a switch does what a restore does, and keeps more. */
function againstBelay(result: SizeResult, measurement: Measurement): string {
  if (measurement.contender === 'belay') return '1x';
  const belay = findMeasurement(result, measurement.operation, 'belay');
  return belay ? ratio(medianTotalMs(measurement) / medianTotalMs(belay)) : '';
}

function note(result: SizeResult, { operation, contender, what }: Measurement): string {
  if (operation !== 'snapshot' || contender !== 'belay') return what;
  return result.method === 'reflink'
    ? `${what}; outage: the copy of the source, by PostgreSQL's rules, here a reflink`
    : `${what}; outage: the copy of the source, by PostgreSQL's rules`;
}

const order: readonly Operation[] = ['snapshot', 'restore', 'switch', 'undo'];

function sizeTable(result: SizeResult): string[] {
  const header = ['operation', 'by', 'time', 'of Belay', 'outage', 'reported', 'caches', 'what'];
  const sorted = order.flatMap((operation) =>
    result.measurements.filter((one) => one.operation === operation),
  );
  const rows = sorted.map((one) => {
    const orNone = (valueMs: number | null) => (valueMs === null ? '-' : time(valueMs));
    return [
      one.operation,
      one.contender,
      time(medianTotalMs(one)),
      againstBelay(result, one),
      orNone(medianOutageMs(one)),
      orNone(medianReportedMs(one)),
      one.caches,
      note(result, one),
    ];
  });
  const title = `${size(result.sizeBytes)}, ${result.rows.toLocaleString('en')} rows, copied by ${result.method}`;
  return [title, ...align([header, ...rows]).map((line) => `  ${line}`), ...steps(result)];
}

/** Where Belay's time goes, so that a slow number says where to look. */
function steps(result: SizeResult): string[] {
  const lines = result.measurements
    .filter(({ contender }) => contender === 'belay')
    .map((one) => {
      const names = Object.keys(one.runs[0]?.stepsMs ?? {});
      const parts = names.map((name) => {
        const times = one.runs.map(({ stepsMs }) => stepsMs?.[name] ?? 0);
        return `${name} ${time(median(times))}`;
      });
      return [`${one.operation}:`, parts.join(', ')];
    });
  return ['  Belay’s steps', ...align(lines).map((line) => `    ${line}`)];
}

function growth({ sizes }: ServerResult): string[] {
  const [small, large] = [sizes[0], sizes.at(-1)];
  if (!small || !large || small === large) return [];
  const rows = large.measurements.map((one) => {
    const before = findMeasurement(small, one.operation, one.contender);
    const grown = before ? ratio(medianTotalMs(one) / medianTotalMs(before)) : '-';
    return [one.operation, one.contender, grown];
  });
  const factor = ratio(large.sizeBytes / small.sizeBytes);
  return [
    `growth of the time for a size ${factor} as large`,
    ...align(rows).map((line) => `  ${line}`),
  ];
}

/** Everything about one server, as lines. */
export function renderServer(result: ServerResult): string[] {
  return [
    '',
    `== ${result.name} ==`,
    `A client that does nothing but query sees gaps of ${time(result.idleGapMs)} at the most.`,
    ...result.sizes.flatMap((one) => ['', ...sizeTable(one)]),
    '',
    ...growth(result),
    ...result.notMeasured.map((what) => `not measured: ${what}`),
  ];
}

/** Start-up of commands, as lines. */
export function renderStartUp(results: readonly StartUpResult[]): string[] {
  const lines = results.map(({ command, medianMs, nodeMs, why }) => {
    if (medianMs === null || nodeMs === null) return [command, `not measured: ${why ?? ''}`];
    return [command, `${time(medianMs)} (node -e 0: ${time(nodeMs)})`];
  });
  return lines.length === 0 ? [] : ['', '== start-up ==', ...align(lines)];
}

/** Met or missed, as lines. */
export function renderBars(
  bars: readonly Bar[],
  sizeBytes: number,
  intendedBytes = barSizeBytes,
): string[] {
  const rows = bars.map(({ bar, where, measured, met }) => [
    met ? 'met' : 'MISSED',
    where,
    `${bar}: ${measured}`,
  ]);
  const differs = Math.abs(sizeBytes - intendedBytes) > intendedBytes / 10;
  const remark = differs
    ? [`The bars are set for ${size(intendedBytes)}; this run is about ${size(sizeBytes)}.`]
    : [];
  return ['', '== bars ==', ...remark, ...align(rows)];
}
