import type { Safety, SchemaChange, SchemaComparison, SchemaScript } from '../../index.js';
import { plural } from './format.js';
import type { Style } from './style.js';

interface JudgedChange {
  readonly safety: Safety;
  readonly reason?: string;
}

/** A change of a schema, with its safety where that is not SAFE. */
export function changeLines(
  style: Style,
  { kind, object, name, detail, safety, reason }: SchemaChange & JudgedChange,
): string[] {
  const marks = { added: style.green('+'), removed: style.red('-'), changed: style.yellow('~') };
  const [first = '', ...rest] = detail.split('\n');
  const paint = safety === 'UNSAFE' ? style.red : style.yellow;
  const danger = safety === 'SAFE' ? '' : `  ${paint(reason ? `${safety}: ${reason}` : safety)}`;
  return [
    `${marks[kind]} ${object} ${name}${first && `  ${style.dim(first)}`}${danger}`,
    ...rest.map((line) => style.dim(`    ${line}`)),
  ];
}

/** What differs between two schemas, from A to B. */
export function describeComparison(style: Style, comparison: SchemaComparison): string {
  const { a, b, changes, renameCandidates, script } = comparison;
  const lines = [
    style.bold(`from ${a.label} to ${b.label}`),
    ...(changes.length === 0 ? ['the schemas do not differ'] : []),
    ...changes.flatMap((change) => changeLines(style, change).map((line) => `  ${line}`)),
  ];
  for (const { object, from, to, likeness } of renameCandidates) {
    const percent = `${Math.round(likeness * 100)} % alike`;
    lines.push(style.yellow(`? ${object} ${from} → ${to}: renamed? (${percent})`));
  }
  for (const { label, unmodelled } of [a, b]) {
    if (unmodelled.length === 0) continue;
    lines.push(style.yellow(`! not compared in ${label}: ${unmodelled.join(', ')}`));
  }
  if (script) lines.push('', ...scriptLines(style, script));
  return lines.join('\n');
}

/** The SQL of a script as it can be saved and run with psql. */
export function scriptLines(style: Style, { statements, unresolved }: SchemaScript): string[] {
  const lines: string[] = [];
  let isOpen = false;
  const commit = () => {
    if (isOpen) lines.push('COMMIT;');
    isOpen = false;
  };
  for (const { sql, transactional, breaksBefore } of statements) {
    if (!transactional || breaksBefore) commit();
    if (transactional && !isOpen) {
      lines.push('BEGIN;');
      isOpen = true;
    }
    lines.push(`${sql.replace(/[;\s]+$/, '')};`);
  }
  commit();
  if (unresolved.length === 0) return lines;
  const title = `-- NOT DONE: ${plural(unresolved.length, 'difference')} would be left`;
  return [
    ...lines,
    style.red(title),
    ...unresolved.map(({ object, name, detail }) =>
      style.red(`--   ${object} ${name}: ${detail.replaceAll('\n', ' ')}`),
    ),
  ];
}
