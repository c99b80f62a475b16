import type { DataRollback, RollbackPlan, RollbackResult, Safety } from '../../index.js';
import { formatCount, formatDuration, plural } from './format.js';
import { printable } from './printable.js';
import type { Style } from './style.js';

function paintSafety(style: Style, safety: Safety): string {
  const paint = { SAFE: style.green, DATA_LOSS: style.yellow, UNSAFE: style.red };
  return paint[safety](safety);
}

/** What a rollback would do and what it would lose. */
export function describePlan(style: Style, plan: RollbackPlan, showSql: boolean): string {
  const lines = [
    style.bold(
      `rollback from ${plan.from} to ${plan.to}: ${paintSafety(style, plan.overallSafety)}`,
    ),
  ];
  for (const step of plan.steps) {
    const how = step.source === 'down' ? step.script?.file : 'from the recorded schema';
    lines.push(
      `${style.bold(step.migrations.join(', '))}  ${paintSafety(style, step.safety)}  ${style.dim(how ?? '')}`,
    );
    const named = new Set(step.migrations);
    const issues = plan.issues.filter(({ migration }) =>
      migration.split(', ').some((one) => named.has(one)),
    );
    for (const { safety, description, recommendation } of issues) {
      lines.push(
        `  ${paintSafety(style, safety)}  ${description}`,
        style.dim(`    ${recommendation}`),
      );
    }
    if (issues.length === 0) lines.push(style.dim('  no rows are touched'));
    if (showSql)
      lines.push(...step.statements.map(({ sql }) => `  ${sql.trim().replaceAll('\n', '\n  ')};`));
    lines.push(
      ...step.unresolved.map(({ object, name }) =>
        style.red(`  not brought back: ${object} ${name}`),
      ),
    );
  }
  if (plan.data) lines.push(...dataLines(style, plan.data, 'would be put back'));
  lines.push(...plan.notes.map((note) => style.yellow(`note: ${note}`)));
  lines.push(...differenceLines(style, plan));
  if (plan.requiresApproval) {
    lines.push(
      'It needs approval: --force, after a look at the above. A snapshot is taken before.',
    );
  }
  return lines.join('\n');
}

function differenceLines(
  style: Style,
  { differences, to, proven }: Pick<RollbackPlan, 'differences' | 'to' | 'proven'>,
): string[] {
  if (proven)
    return [style.green(`tried on a copy of the schema: it is then what was recorded at ${to}`)];
  if (differences.length === 0) return [];
  return [
    style.yellow(`afterwards the schema is not quite what was recorded at ${to}:`),
    ...differences.map(({ kind, object, name }) => `  ${kind} ${object} ${name}`),
  ];
}

/** What comes back from the record backups, each with what does not, and why. */
function dataLines(style: Style, data: DataRollback, verb: string): string[] {
  const lines = data.backups.flatMap((one) => {
    const what = one.column === null ? plural(one.rows, 'row') : plural(one.values, 'value');
    const rest = [
      ...(one.conflicts > 0
        ? [`${plural(one.conflicts, 'conflict')} (${keeps[data.prefer]})`]
        : []),
      ...(one.missing > 0 ? [`${plural(one.missing, 'row')} deleted since`] : []),
      ...(one.blocked > 0 ? [`${formatCount(one.blocked)} kept out by a constraint`] : []),
      ...(one.skipped === null ? [] : [one.skipped]),
    ];
    const place = one.column === null ? one.table : `${one.table}.${one.column}`;
    const listed = rest.length === 0 ? '' : style.yellow(`; listed: ${rest.join(', ')}`);
    return [
      `  ${printable(place)}: ${what} ${verb}${listed}`,
      ...one.samples.map((sample) => style.dim(`    ${printable(sample)}`)),
    ];
  });
  const broken = data.violations.map(({ table, constraint, rows }) =>
    style.red(`  ${plural(rows, 'row')} of ${table} written since break ${constraint}`),
  );
  const without = data.withoutBackup.map((version) =>
    style.yellow(`  ${version} has no record backup: its rows are not brought back`),
  );
  return [style.bold('data:'), ...lines, ...broken, ...without];
}

const keeps = { current: 'kept as they are', backup: 'overwritten' } as const;

/** The proof, counted in the transaction that put the records back. */
function proofLine(style: Style, { totals }: DataRollback): string {
  const { rows, values, conflicts, missing, blocked } = totals;
  const listed = missing + blocked;
  const back = `${plural(rows, 'row')} and ${plural(values, 'value')} put back`;
  return style.green(
    `proven by count: ${back}, ${formatCount(conflicts)} in conflict, ${formatCount(listed)} listed`,
  );
}

export function describeRollback(style: Style, result: RollbackResult): string {
  const { rolledBack, to, snapshot, durationMs, differences, dryRun } = result;
  if (dryRun) return `${describePlan(style, result.plan, true)}\nnothing was executed`;
  const lines = [
    `${style.green('rolled back')} ${plural(rolledBack.length, 'migration')} to ${to} in ${formatDuration(durationMs)}`,
    ...(result.data
      ? [...dataLines(style, result.data, 'put back'), proofLine(style, result.data)]
      : []),
    ...(snapshot
      ? [`the state before is kept as ${style.bold(snapshot.tag)}: \`belay undo\` brings it back`]
      : ['`belay migrate up` goes forward again']),
    ...(result.verified
      ? [style.green(`the schema is what was recorded at ${to}`)]
      : differenceLines(style, { differences, to, proven: false })),
  ];
  return lines.join('\n');
}
