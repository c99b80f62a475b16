import {
  findMeasurement,
  medianOutageMs,
  medianTotalMs,
  type ServerResult,
  type SizeResult,
  type StartUpResult,
} from './results.js';

/** What Belay promises about speed, and whether this run shows it. */
export interface Bar {
  readonly bar: string;
  /** Where it was measured, e.g. "ext4, PostgreSQL 15.18". */
  readonly where: string;
  /** What was measured, in words. */
  readonly measured: string;
  readonly met: boolean;
}

/** The bars are set for this size; a run at another size says so. */
export const barSizeBytes = 3e9;

const outageLimitMs = 250;
const switchFactor = 20;
const growthLimit = 1.5;
const copyLimit = 1.3;
const startUpLimits: Readonly<Record<string, number>> = {
  'belay --version': 150,
  'belay list': 250,
  'git checkout, nothing to do': 150,
};

const times = (ratio: number) => `${ratio.toFixed(ratio < 10 ? 2 : 0)} times`;
const ms = (value: number) => `${Math.round(value)} ms`;

function outageBars(where: string, size: SizeResult): Bar[] {
  return (['restore', 'switch', 'undo'] as const).flatMap((operation) => {
    const measurement = findMeasurement(size, operation, 'belay');
    const outageMs = measurement && medianOutageMs(measurement);
    if (outageMs === undefined || outageMs === null) return [];
    const bar = `outage of ${operation} at most ${ms(outageLimitMs)}`;
    return [{ bar, where, measured: ms(outageMs), met: outageMs <= outageLimitMs }];
  });
}

function switchBar(where: string, size: SizeResult): Bar[] {
  const belay = findMeasurement(size, 'switch', 'belay');
  const template = findMeasurement(size, 'restore', 'createdb -T');
  if (!belay || !template) return [];
  const ratio = medianTotalMs(template) / medianTotalMs(belay);
  const bar = `switch on reflink at least ${switchFactor} times faster than dropdb and createdb -T`;
  return [{ bar, where, measured: times(ratio), met: ratio >= switchFactor }];
}

function growthBar(where: string, small: SizeResult, large: SizeResult): Bar[] {
  const [before, after] = [small, large].map((size) => findMeasurement(size, 'switch', 'belay'));
  if (!before || !after) return [];
  const ratio = medianTotalMs(after) / medianTotalMs(before);
  const grown = (large.sizeBytes / small.sizeBytes).toFixed(1);
  const bar = `switch on reflink grows less than ${growthLimit} times when the size grows 4 times`;
  const measured = `${times(ratio)} for a size ${grown} times as large`;
  return [{ bar, where, measured, met: ratio < growthLimit }];
}

function copyBar(where: string, size: SizeResult): Bar[] {
  const belay = findMeasurement(size, 'snapshot', 'belay');
  const cp = findMeasurement(size, 'snapshot', 'cp');
  if (!belay || !cp) return [];
  const ratio = medianTotalMs(belay) / medianTotalMs(cp);
  const bar = `snapshot without reflink within ${copyLimit} times of cp`;
  const measured = `${times(ratio)} (${cp.caches} caches for both)`;
  return [{ bar, where, measured, met: ratio <= copyLimit }];
}

/** The bars that a server's results can tell about, at the larger size. */
export function serverBars({ name, sizes }: ServerResult): Bar[] {
  const large = sizes.at(-1);
  const small = sizes.length > 1 ? sizes[0] : undefined;
  if (!large) return [];
  if (large.method !== 'reflink') return [...outageBars(name, large), ...copyBar(name, large)];
  const growth = small ? growthBar(name, small, large) : [];
  return [...outageBars(name, large), ...switchBar(name, large), ...growth];
}

/** The bars on commands' start-up; none for what was not measured. */
export function startUpBars(results: readonly StartUpResult[]): Bar[] {
  return results.flatMap(({ command, medianMs, nodeMs }) => {
    const limitMs = startUpLimits[command];
    if (medianMs === null || nodeMs === null || limitMs === undefined) return [];
    const more = medianMs - nodeMs;
    return [
      {
        bar: `${command} within ${ms(limitMs)} of node -e 0`,
        where: 'command line',
        measured: `${ms(medianMs)}, ${ms(more)} more than node's ${ms(nodeMs)}`,
        met: more <= limitMs,
      },
    ];
  });
}
