import { rm } from 'node:fs/promises';
import { makeServerFolder } from '../../test/support/throwaway-server.js';
import { prepare } from '../caches.js';
import { fillDatabase } from '../dataset.js';
import { type BenchFolder, NotMeasurable } from '../file-system.js';
import type { Bench } from '../measure.js';
import {
  type BenchServer,
  benchDatabase,
  runSql,
  serverSettings,
  urlOf,
  withClient,
} from '../server.js';
import type { SuiteContext } from '../suite.js';
import { dump, dumpUploadRestore, removeDumps, restoreTable, usualLevel } from './alternatives.js';
import { type BelayPlace, runBelay } from './belay.js';
import { folderPlace, type Place, withS3Place } from './places.js';
import type { CheckpointMeasurement, CheckpointResult, CheckpointRun } from './results.js';
import { timed } from './watched-program.js';

type Known = Omit<CheckpointRun, 'totalMs' | 'busyShare'>;

interface Trial extends Pick<CheckpointMeasurement, 'name' | 'variant' | 'what'> {
  before?(): Promise<void>;
  /** What is timed; a total of its own replaces the time that it took. */
  run(): Promise<Known & { readonly totalMs?: number }>;
  after?(): Promise<void>;
}

/** In turn, round after round: what else the machine does falls on all that are compared. */
async function measureInTurn(bench: Bench, trials: readonly Trial[]) {
  const runs = trials.map((): CheckpointRun[] => []);
  for (let round = 0; round < bench.runs; round += 1) {
    for (const [at, trial] of trials.entries()) {
      bench.signal.throwIfAborted();
      await trial.before?.();
      await prepare(bench.server, bench.caches, benchDatabase);
      const run = await timed(() => trial.run());
      runs[at]?.push(run);
      bench.say(`  ${trial.name} (${trial.variant}): ${Math.round(run.totalMs)} ms`);
      await trial.after?.();
    }
  }
  return trials.map(
    ({ name, variant, what }, at): CheckpointMeasurement => ({
      ...{ name, variant, what },
      runs: runs[at] ?? [],
    }),
  );
}

/** Each run has a store of its own, which is gone before the next. */
function checkpointTrial(belay: BelayPlace, flags: readonly string[]): Trial {
  const { place } = belay;
  let location: string | undefined;
  return {
    name: ['checkpoint', ...flags].join(' '),
    variant: place.name,
    what: ['belay checkpoint', ...flags].join(' '),
    run: async () => {
      location = await place.newLocation();
      return runBelay(belay, location, ['checkpoint', '--tag', 'bench', ...flags]);
    },
    after: async () => {
      if (location !== undefined) await place.empty(location);
    },
  };
}

const minusZ = (level: number) => (level === usualLevel ? '' : ` -Z${level}`);

function insteadTrial({ bench, place, home }: BelayPlace, level: number): Trial {
  return {
    name: `pg_dump${minusZ(level)}, upload, pg_restore`,
    variant: place.name,
    what: `pg_dump -Fc${minusZ(level)}; upload; pg_restore -j2 into a server that is there`,
    run: () => dumpUploadRestore(bench, { level, place, home }),
  };
}

function dumpTrial(bench: Bench, level: number): Omit<Trial, 'name' | 'variant'> {
  return { what: `pg_dump -Fc -Z${level} to a file`, run: () => dump(bench, level) };
}

/** Makes and seals archives, and does the same with PostgreSQL's own programs. */
function archiveTrials(belay: BelayPlace): Trial[] {
  return [
    checkpointTrial(belay, []),
    insteadTrial(belay, usualLevel),
    insteadTrial(belay, 1),
    checkpointTrial(belay, ['--no-drill']),
    { name: 'pg_dump -Z1', variant: belay.place.name, ...dumpTrial(belay.bench, 1) },
  ];
}

const oneTable = 'lookup_7';
const otherDatabase = 'bench_other';

/** What is done with an archive that is there. */
async function measureReading(belay: BelayPlace): Promise<CheckpointMeasurement[]> {
  const { bench, place } = belay;
  const location = await place.newLocation();
  const variant = place.name;
  const drop = (sql: string) => () =>
    withClient(urlOf(bench.server), async (client) => void (await client.query(sql)));
  await runBelay(belay, location, ['checkpoint', '--no-drill', '--tag', 'read']);
  await dump(bench, 1);
  const one = (name: string, what: string, ...args: string[]): Trial => ({
    ...{ name, variant, what },
    run: () => runBelay(belay, location, args),
  });
  const measured = await measureInTurn(bench, [
    one('drill', 'belay drill REF', 'drill', 'read'),
    one('verify', 'belay verify REF: every byte is hashed', 'verify', 'read'),
    {
      ...one(
        'restore of one table',
        'belay restore REF --table, of 42, beside what is there',
        ...['restore', 'read', '--table', `public.${oneTable}`, '--into-schema', 'bench_aside'],
        '--yes',
      ),
      after: drop('DROP SCHEMA bench_aside CASCADE'),
    },
    {
      ...{ name: 'restore of one table', variant: 'pg_restore -t' },
      what: 'from a file that pg_dump wrote, into an empty database; without indexes',
      run: () => restoreTable(bench, oneTable, otherDatabase),
      before: () => runSql(bench.server, `CREATE DATABASE ${otherDatabase}`),
      after: () => runSql(bench.server, `DROP DATABASE ${otherDatabase}`),
    },
  ]);
  await place.empty(location);
  return measured;
}

async function measurePlaces(
  bench: Bench,
  home: string,
  say: SuiteContext['say'],
): Promise<{ measurements: CheckpointMeasurement[]; notMeasured: string[] }> {
  const measurements: CheckpointMeasurement[] = [];
  const notMeasured: string[] = [];
  const measure = async (place: Place) => {
    const belay = { bench, place, home };
    say(`archives in ${place.name}`);
    measurements.push(...(await measureInTurn(bench, archiveTrials(belay))));
    measurements.push(...(await measureReading(belay)));
  };
  await measure(folderPlace(home));
  try {
    await withS3Place(measure);
  } catch (error) {
    if (!(error instanceof NotMeasurable)) throw error;
    notMeasured.push(`archives in S3: ${error.message}`);
  }
  say('compression');
  const levels = [0, 1, 3, usualLevel];
  const dumps = levels.map((level) => ({
    ...{ name: 'pg_dump', variant: `-Z${level}` },
    ...dumpTrial(bench, level),
  }));
  measurements.push(...(await measureInTurn(bench, dumps)));
  await removeDumps(bench, levels);
  return { measurements, notMeasured };
}

/** Measures everything about checkpoints on one server, which has pg_dump beside it. */
export async function measureCheckpoints(
  server: BenchServer,
  folder: BenchFolder,
  { options, signal, say }: SuiteContext,
): Promise<{ result: CheckpointResult; notMeasured: string[] }> {
  const { runs, caches, sizeBytes } = options;
  const bench: Bench = { server, runs, caches, signal, say };
  const name = `${folder.type}, PostgreSQL ${server.installation.version}`;
  say(`${name}: building a database of ${Math.round(sizeBytes / 1e6)} MB`);
  await runSql(server, `CREATE DATABASE ${benchDatabase}`);
  const dataset = await withClient(urlOf(server), (client) =>
    fillDatabase(client, sizeBytes, signal),
  );
  const home = await makeServerFolder(folder.path);
  try {
    say('preparing the throwaway server, once');
    const place = folderPlace(home);
    const location = await place.newLocation();
    await runBelay({ bench, place, home }, location, ['checkpoint', '--tag', 'first']);
    await place.empty(location);
    const { measurements, notMeasured } = await measurePlaces(bench, home, say);
    return { result: { name, ...dataset, settings: serverSettings, measurements }, notMeasured };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}
