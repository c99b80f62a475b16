import type { Examination } from '../../index.js';
import type { Style } from './style.js';

export function describeExamination(style: Style, { checks }: Examination): string {
  const marks = { ok: style.green('✔'), warn: style.yellow('!'), fail: style.red('✘') };
  const width = Math.max(...checks.map(({ name }) => name.length));
  return checks
    .flatMap(({ name, status, detail, hint }) => [
      `${marks[status]} ${name.padEnd(width)}  ${detail}`,
      ...(hint === null ? [] : [style.dim(`  ${' '.repeat(width)}  → ${hint}`)]),
    ])
    .join('\n');
}
