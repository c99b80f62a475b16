import type { CheckpointResult, DrillDifference } from '../../index.js';
import { formatDuration, plural } from './format.js';
import type { Style } from './style.js';

const mostShown = 10;

export function describeCheckpoint(style: Style, result: CheckpointResult): string {
  const { tag, size, rows, tables, restore_drill: drill, differences, snapshot } = result;
  const what = `${plural(tables, 'table')}, ${plural(rows, 'row')}, ${size}`;
  const took = formatDuration(result.durationMs);
  if (drill === 'failed') {
    return [
      `${style.red('✘')} checkpoint ${style.bold(tag)} is NOT proven: the restored archive is not what was dumped`,
      ...describeDifferences(style, differences),
      style.dim(`  kept for a look as "${snapshot.tag}"; the tag "${tag}" is free`),
    ].join('\n');
  }
  const proof = drill === 'proven' ? 'restored and compared' : 'not restored (--no-drill)';
  return [
    `${style.green('✔')} checkpoint ${style.bold(tag)}: ${what}`,
    style.dim(`  sealed, ${proof}, in ${took}; ledger head ${result.ledger.sha256}`),
  ].join('\n');
}

export function describeDifferences(
  style: Style,
  differences: readonly DrillDifference[],
): string[] {
  const lines = differences
    .slice(0, mostShown)
    .map(
      ({ what, name, expected, actual }) =>
        `  ${style.red(`${what} ${name}`)}: ${actual} instead of ${expected}`,
    );
  const more = differences.length - lines.length;
  return more > 0 ? [...lines, `  and ${more} more`] : lines;
}
