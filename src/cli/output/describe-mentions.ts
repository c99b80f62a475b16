import type { CodebaseSearch, CodeMention } from '../../index.js';
import { plural } from './format.js';
import { wrap } from './impact-texts.js';
import { printable } from './printable.js';
import type { Style } from './style.js';

/** How many of the less sure places are shown. */
const mostUnsure = 10;

const nameOf = ({ name: { table, column } }: CodeMention): string =>
  printable(column === null ? table : `${table}.${column}`);

function lineOf(style: Style, mention: CodeMention, columns: number): string[] {
  const { file, line, what, text } = mention;
  const head = `    ${printable(file)}:${line}  ${nameOf(mention)}  ${style.dim(`(${printable(what)})`)}`;
  const shown = printable(text);
  const room = Math.max(20, columns - 6);
  return [head, style.dim(`      ${shown.length > room ? `${shown.slice(0, room - 1)}…` : shown}`)];
}

/** Where the application still names what goes away, for people. */
export function describeMentions(
  style: Style,
  { mentions, filesSearched, notes }: CodebaseSearch,
  columns = 100,
): string {
  const searched = `${plural(filesSearched, 'file')} searched`;
  if (mentions.length === 0) {
    return `  The code names nothing of what goes away ${style.dim(`(${searched})`)}`;
  }
  const sure = mentions.filter(({ confidence }) => confidence !== 'low');
  const unsure = mentions.filter(({ confidence }) => confidence === 'low');
  const list = (some: readonly CodeMention[]) => some.flatMap((one) => lineOf(style, one, columns));
  const left = unsure.length - mostUnsure;
  return [
    ...(sure.length > 0
      ? [`  ${style.yellow('The code still names')} ${style.dim(`(${searched})`)}`]
      : []),
    ...list(sure),
    ...(unsure.length > 0 ? [`  ${style.dim('Perhaps also')}`] : []),
    ...list(unsure.slice(0, mostUnsure)),
    ...(left > 0 ? [style.dim(`    … and ${plural(left, 'place')} more`)] : []),
    ...notes.flatMap((note) => wrap(`note: ${note}`, columns - 2).map((line) => `  ${line}`)),
  ].join('\n');
}
