import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from '../../test/support/run-belay.js';
import type { Bench } from '../measure.js';
import { benchDatabase } from '../server.js';
import type { Place } from './places.js';
import type { CheckpointRun } from './results.js';
import { runWatched } from './watched-program.js';

const program = fileURLToPath(new URL('../../bin/belay.js', import.meta.url));

/** Where Belay's commands run. */
export interface BelayPlace {
  readonly bench: Bench;
  readonly place: Place;
  /** Belay's data folder: the throwaway server's template is in it. */
  readonly home: string;
}

/** Runs a command as a user does, and waits for its end. Its steps are what it says on stderr. */
export async function runBelay(
  { bench: { server, signal }, place, home }: BelayPlace,
  location: string,
  args: readonly string[],
): Promise<Pick<CheckpointRun, 'stepsMs' | 'peakBytes' | 'sizeBytes'>> {
  const url = `postgres://postgres@127.0.0.1:${server.port}/${benchDatabase}`;
  const { stderr, peakBytes } = await runWatched(
    process.execPath,
    [program, '--url', url, '--store', location, ...args],
    {
      cwd: home,
      // The password stays out of the arguments, where every user of the machine could read it.
      env: {
        ...{ ...cleanEnvironment(), ...place.env },
        ...{ BELAY_HOME: home, PGPASSWORD: server.password, BELAY_PG_BIN: server.binDir },
      },
      ...{ ownName: 'belay', signal },
    },
  );
  return { stepsMs: stepsOf(stderr), peakBytes };
}

const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 };

/** Reads "compare: 456 ms" and "archive and drill: 1 min 8 s". */
export function stepsOf(stderr: string): Record<string, number> {
  const steps: Record<string, number> = {};
  for (const line of stderr.split('\n')) {
    const [, name, duration = ''] = /^([a-z ]+): ((?:[\d.]+ (?:ms|s|min|h) ?)+)$/.exec(line) ?? [];
    if (name === undefined) continue;
    const parts = [...duration.matchAll(/([\d.]+) (ms|s|min|h)/g)];
    const ms = parts.reduce((sum, [, n, unit = '']) => sum + Number(n) * (unitsMs[unit] ?? 0), 0);
    steps[name] = (steps[name] ?? 0) + ms;
  }
  return steps;
}
