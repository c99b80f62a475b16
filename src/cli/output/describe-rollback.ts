import type { RollbackPlan, RollbackResult, Safety } from '../../index.js';
import { formatDuration, plural } from './format.js';
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

export function describeRollback(style: Style, result: RollbackResult): string {
  const { rolledBack, to, snapshot, durationMs, differences, dryRun } = result;
  if (dryRun) return `${describePlan(style, result.plan, true)}\nnothing was executed`;
  const lines = [
    `${style.green('rolled back')} ${plural(rolledBack.length, 'migration')} to ${to} in ${formatDuration(durationMs)}`,
    ...(snapshot
      ? [`the state before is kept as ${style.bold(snapshot.tag)}: \`belay undo\` brings it back`]
      : ['`belay migrate up` goes forward again']),
    ...(result.verified
      ? [style.green(`the schema is what was recorded at ${to}`)]
      : differenceLines(style, { differences, to, proven: false })),
  ];
  return lines.join('\n');
}
