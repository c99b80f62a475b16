import type { Bar } from '../bars.js';
import { type BenchServer, benchDatabase, runSql, urlOf } from '../server.js';
import type { SuiteContext } from '../suite.js';
import { align, time } from '../tables.js';
import { measureRehearsal, type RehearsalResult } from './rehearse.js';
import { measureShadow, type ShadowResult } from './shadow.js';

/** All that was measured on one server. */
export interface RehearsalsResult {
  /** e.g. "PostgreSQL 15.18". */
  readonly name: string;
  /** Null on a server that is there for its shadows only. */
  readonly rehearsal: RehearsalResult | null;
  readonly shadow: ShadowResult;
}

/** Rehearsals and shadows, each on a database of its own. */
export async function measureRehearsals(
  server: BenchServer,
  isLogical: boolean,
  context: SuiteContext,
): Promise<RehearsalsResult> {
  const { rows, runs } = context.options;
  await runSql(server, `DROP DATABASE IF EXISTS ${benchDatabase} WITH (FORCE)`);
  await runSql(server, `CREATE DATABASE ${benchDatabase}`);
  const folder = `${server.dataDir}-store`;
  const rehearsal = isLogical
    ? null
    : await measureRehearsal(urlOf(server), { rows, runs, folder, say: context.say });
  return {
    name: `PostgreSQL ${server.installation.version}${isLogical ? ', wal_level = logical' : ''}`,
    rehearsal,
    shadow: await measureShadow(server, context),
  };
}

/** What Belay promises about rehearsals and shadows. */
export function rehearsalBars({ name, rehearsal, shadow }: RehearsalsResult): Bar[] {
  const bar = (text: string, measured: string, met: boolean): Bar => ({
    ...{ bar: text, where: name, measured, met },
  });
  const times = (ratio: number) => `${ratio.toFixed(2)} times`;
  const overhead = rehearsal && overheadOf(rehearsal) / rehearsal.scan;
  const first = shadow.dumpRestore === null ? null : shadow.copy / shadow.dumpRestore;
  const faster = shadow.copy / shadow.secondSync;
  return [
    ...(overhead === null
      ? []
      : [
          bar(
            'rehearsal beyond copies and migration: one scan of the touched table, at most 1.0 times',
            times(overhead),
            overhead <= 1,
          ),
        ]),
    ...(first === null
      ? []
      : [
          bar(
            'shadow by copy: pg_dump and pg_restore -j2, at most 1.2 times',
            times(first),
            first <= 1.2,
          ),
        ]),
    bar('second sync, 1 % changed, at least 8 times faster', times(faster), faster >= 8),
    bar(
      'promote: writers held off at most 500 ms',
      `${shadow.outageMs} ms`,
      shadow.outageMs <= 500,
    ),
  ];
}

/** Everything that is neither a copy nor the migration. */
const overheadOf = ({ total, copies, migration }: RehearsalResult) => total - copies - migration;

/** Everything about one server, as lines. */
export function renderRehearsals({ name, rehearsal, shadow }: RehearsalsResult): string[] {
  const seconds = (value: number) => time(value * 1000);
  const rows = [
    ['what', 'median', 'how'],
    ...(rehearsal === null
      ? []
      : [
          ['rehearsal', seconds(rehearsal.total), 'all of it'],
          ['', seconds(rehearsal.copies), 'making two copies'],
          ['', seconds(rehearsal.migration), 'the migration'],
          ['', seconds(rehearsal.measuring), 'comparing before and after'],
          ['', seconds(overheadOf(rehearsal)), 'all beyond copies and migration'],
          ['', seconds(rehearsal.scan), 'SELECT count(c1), …, count(c10)'],
        ]),
    ['shadow', seconds(shadow.clone), 'by CREATE DATABASE … TEMPLATE'],
    ['', seconds(shadow.copy), 'table by table'],
    ...(shadow.dumpRestore === null
      ? []
      : [['', seconds(shadow.dumpRestore), 'pg_dump -Fc -Z1, pg_restore -j2']]),
    ['', seconds(shadow.secondSync), `1 % of the rows brought over, by ${shadow.followed}`],
    ['promote', time(shadow.outageMs), 'writers held off, as reported'],
    ['', time(shadow.writersSawMs), 'no commit, as four writers saw it'],
  ];
  const size = `${rehearsal ? `${rehearsal.rows} rows; ` : ''}${Math.round(shadow.sizeBytes / 1e6)} MB`;
  return ['', `== rehearsal, ${size}: ${name} ==`, ...align(rows).map((line) => `  ${line}`)];
}
