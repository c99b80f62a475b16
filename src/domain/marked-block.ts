import { BelayError } from '../errors.js';

/** The first and the last line of what Belay writes into somebody's file. */
export interface BlockMarks {
  readonly start: string;
  readonly end: string;
}

/** What the first line says more, so that taking the block out leaves every byte as it was. */
const wholeFile = ' (Belay made this file)';
const noLineEnd = ' (no line end before)';

export interface PutBlock {
  readonly marks: BlockMarks;
  readonly lines: readonly string[];
  /** "start": behind a first line that begins with "#!". */
  readonly at: 'start' | 'end';
  /** What a file that was not there begins with. */
  readonly head?: string | undefined;
}

/**
 * A file's text with Belay's block in it, in place of one that it may have already.
 * @param text null: there is no file
 * @throws BelayError FILE_ERROR where a block begins and does not end
 */
export function putBlock(text: string | null, { marks, lines, at, head = '' }: PutBlock): string {
  const rest = text === null ? null : takeBlock(text, marks, head);
  if (rest === null)
    return `${head}${[`${marks.start}${wholeFile}`, ...lines, marks.end].join('\n')}\n`;
  const lineEnd = rest.includes('\r\n') ? '\r\n' : '\n';
  const position = at === 'end' ? rest.length : afterInterpreter(rest);
  const [before, after] = [rest.slice(0, position), rest.slice(position)];
  const isOpen = before !== '' && !before.endsWith('\n');
  const start = `${marks.start}${isOpen ? noLineEnd : ''}`;
  const block = [start, ...lines, marks.end].map((line) => line + lineEnd).join('');
  return `${before}${isOpen ? lineEnd : ''}${block}${after}`;
}

function afterInterpreter(text: string): number {
  if (!text.startsWith('#!')) return 0;
  const end = text.indexOf('\n');
  return end === -1 ? text.length : end + 1;
}

/** Whether Belay's block is in a text. */
export function hasBlock(text: string, marks: BlockMarks): boolean {
  return startOf(marks).test(text);
}

/**
 * A file's text without Belay's block, byte for byte as it was before.
 * @returns null where the file is then nobody's: Belay had made it, and nobody has written into it
 * @throws BelayError FILE_ERROR where a block begins and does not end
 */
export function takeBlock(text: string, marks: BlockMarks, head = ''): string | null {
  const start = startOf(marks).exec(text);
  if (!start) return text;
  const lineEnd = start[0].endsWith('\r\n') ? '\r\n' : '\n';
  const end = text.indexOf(marks.end, start.index + start[0].length);
  if (end === -1) throw notEnded(marks);
  let before = text.slice(0, start.index);
  const after = text.slice(end + marks.end.length).replace(/^\r?\n/, '');
  const isOpen = start[1] === noLineEnd && after === '';
  if (isOpen && before.endsWith(lineEnd)) before = before.slice(0, -lineEnd.length);
  const rest = before + after;
  if (start[1] === wholeFile && rest === head) return null;
  // Somebody may have copied it.
  return takeBlock(rest, marks, head);
}

function startOf({ start }: BlockMarks): RegExp {
  const exactly = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${exactly(start)}(${exactly(wholeFile)}|${exactly(noLineEnd)}|)\\r?\\n`, 'm');
}

function notEnded({ start, end }: BlockMarks): BelayError {
  return new BelayError('FILE_ERROR', `a block of Belay begins with "${start}" and does not end`, {
    hint: `Remove what is left of it by hand, or put the line "${end}" behind it.`,
  });
}
