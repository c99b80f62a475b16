import type { Impact, StatementImpact } from '../../index.js';
import { formatCount, plural } from './format.js';
import { printable } from './printable.js';

/** An object's name as people say it: what everybody finds needs no schema. */
export function shortName(object: string): string {
  return printable(object.replace(/^public\./, ''));
}

/** "about" before what the server's statistics say. */
const about = ({ measured }: Impact): string => (measured === 'estimate' ? 'about ' : '');

/** How much of what is there a statement takes away or changes: "1,234 values at risk". */
export function lossText(impact: Impact): string {
  const { rowsAffected, valuesAtRisk, recordsAtRisk } = impact;
  if (recordsAtRisk === null) return 'not known how much';
  const rows = rowsAffected ?? 0;
  if ((valuesAtRisk ?? 0) === 0 || recordsAtRisk === rows) {
    const what = valuesAtRisk === 0 && isAboutValues(impact) ? 'value' : 'row';
    return what === 'value'
      ? '0 values at risk'
      : `${about(impact)}${plural(rows, 'row')} affected`;
  }
  const values = `${about(impact)}${plural(valuesAtRisk ?? 0, 'value')} at risk`;
  return rows > 0 ? `${plural(rows, 'row')} affected, ${values}` : values;
}

/** Where rows stay, and what is in them goes. */
const isAboutValues = ({ operation, rowsAffected }: Impact): boolean =>
  (rowsAffected ?? 0) === 0 && /COLUMN/.test(operation);

export function placeText({ file, line }: Pick<StatementImpact, 'file' | 'line'>): string {
  return `${printable(file)}, line ${formatCount(line)}`;
}

/** Breaks a text into lines of a width, at words; a longer word stays whole. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split('\n')) {
    let line = '';
    for (const word of paragraph.split(' ')) {
      if (line !== '' && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === '' ? word : `${line} ${word}`;
    }
    lines.push(line);
  }
  return lines;
}
