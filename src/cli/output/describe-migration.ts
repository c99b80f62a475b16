import type {
  DownStep,
  MigrateDownResult,
  MigrateUpResult,
  MigrationImpact,
  NewMigration,
  ProjectStatus,
} from '../../index.js';
import { describeImpact } from './describe-impact.js';
import { formatDuration, formatTime, plural } from './format.js';
import type { Style } from './style.js';
import { formatTable } from './table.js';

const titleOf = ({ version, name }: { version: string; name: string }): string =>
  name === '' ? version : `${version}_${name}`;

export function describeMigrationStatus(style: Style, status: ProjectStatus): string {
  const { applied, pending, current, unfinished, tool, upCommand } = status;
  if (applied.length + pending.length === 0) {
    return tool === 'belay'
      ? 'there are no migrations yet: `belay migrate new NAME` makes one'
      : `${tool} has no migrations yet`;
  }
  const rows = [
    ...applied.map((one) => [
      titleOf(one),
      style.green('applied'),
      one.appliedAt === null ? '' : formatTime(one.appliedAt),
      one.missingFile ? style.yellow('no file') : one.changed ? style.red('file changed') : '',
    ]),
    ...unfinished.map((one) => [titleOf(one), style.red('unfinished'), '', '']),
    ...pending.map((one) => [titleOf(one), style.yellow('pending'), '', style.dim(one.file)]),
  ];
  const left = pending.length === 0 ? 'nothing pending' : `${pending.length} pending`;
  const how = tool === 'belay' ? '' : style.dim(`  (${tool}: \`${upCommand}\`)`);
  const columns = [{ title: 'MIGRATION' }, { title: 'STATE' }, { title: 'APPLIED' }, { title: '' }];
  return [formatTable(style, columns, rows), `at ${style.bold(current)}, ${left}${how}`].join('\n');
}

export function describeUp(
  style: Style,
  result: MigrateUpResult,
  columns?: number | undefined,
): string {
  const { dryRun, applied, planned, pending, current, durationMs } = result;
  if (planned.length === 0) return `nothing to apply: the database is at ${style.bold(current)}`;
  if (dryRun) {
    return [
      `would apply ${plural(planned.length, 'migration')} to what is at ${style.bold(current)}:`,
      ...planned.map((one) => `  ${titleOf(one)}  ${style.dim(one.file)}`),
      describeImpacts(style, result.impacts, columns),
    ]
      .filter((line) => line !== '')
      .join('\n');
  }
  const left = pending.length === 0 ? '' : `, ${pending.length} still pending`;
  return [
    ...applied.map(
      (one) =>
        `${style.green('✔')} ${titleOf(one)}  ${style.dim(`${formatDuration(one.durationMs)}, schema ${one.checksum.slice(0, 8)}`)}`,
    ),
    ...backupLines(style, result),
    `at ${style.bold(current)}${left}, in ${formatDuration(durationMs)}`,
  ].join('\n');
}

/** Where the records are that went. */
function backupLines(style: Style, { backup, applied, from }: MigrateUpResult): string[] {
  if (!backup || applied.length === 0) return [];
  const { choice, archive, records } = backup;
  if (choice === 'files' && archive) {
    const tables = archive.tables?.join(', ') ?? 'all tables';
    return [
      `  backed up to files as ${style.bold(archive.tag)}: ${tables} (${archive.restore_drill})`,
    ];
  }
  if (choice === 'none') return [style.dim('  no backup was made of what went')];
  const kept = records.map(({ table, column, rows }) => {
    const what = column === null ? plural(rows, 'row') : plural(rows, 'value');
    return `  kept ${what} of ${column === null ? table : `${table}.${column}`}`;
  });
  const first = applied.findIndex(({ version }) => version === records[0]?.version);
  const version = applied[first - 1]?.version ?? from;
  const before = `  \`belay rollback ${version} --data\` brings them back`;
  return [...kept, ...(kept.length > 0 ? [style.dim(before)] : [])];
}

/**
 * What migrations would do, before somebody chooses a backup or a command runs: of those that lose nothing, fail on nothing and
 * hold nobody up there is nothing to be said.
 */
export function describeImpacts(
  style: Style,
  impacts: readonly MigrationImpact[],
  columns: number | undefined,
): string {
  return impacts
    .filter(
      ({ impact }) => impact.safety !== 'SAFE' || impact.totals.wouldFail > 0 || isLong(impact),
    )
    .map((one) => describeImpact(style, one.impact, { title: titleOf(one), columns, brief: true }))
    .join('\n\n');
}

const isLong = ({ statements }: MigrationImpact['impact']): boolean =>
  statements.some(({ impacts }) => impacts.some(({ hazard }) => hazard === 'long'));

export function describeDown(style: Style, result: MigrateDownResult): string {
  return [
    ...result.rolledBack.map((version) => `${style.green('✔')} took ${version} back`),
    `at ${style.bold(result.current)}, in ${formatDuration(result.durationMs)}`,
  ].join('\n');
}

/** What `belay migrate down` would run, before it asks. */
export function describeDownSteps(style: Style, steps: readonly DownStep[]): string {
  return steps
    .map((step) => {
      const where = step.fromHistory ? `recorded, from ${step.script.file}` : step.script.file;
      return `${style.bold(titleOf(step))} by its down script ${style.dim(`(${where})`)}`;
    })
    .join('\n');
}

export function describeNewMigration(style: Style, { files }: NewMigration): string {
  return files.map((file) => `${style.green('✔')} ${file}`).join('\n');
}
