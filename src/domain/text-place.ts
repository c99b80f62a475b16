/** A place in a text, as an editor shows it. */
export interface TextPlace {
  /** From 1, or from the number of the text's first line in its file. */
  readonly line: number;
  /** From 1, in characters: a letter outside of the BMP counts once, a tab once. */
  readonly column: number;
  /** The line, or what is around the place in a long one, and below it a caret. */
  readonly pointer: string;
}

export function lineAt(text: string, index: number, first = 1): number {
  let line = first;
  for (let at = text.indexOf('\n'); at >= 0 && at < index; at = text.indexOf('\n', at + 1))
    line += 1;
  return line;
}

/** From 1, in code points. */
function columnAt(text: string, index: number): number {
  return [...text.slice(startOfLine(text, index), index)].length + 1;
}

export function placeInText(text: string, index: number, first = 1): TextPlace {
  return {
    line: lineAt(text, index, first),
    column: columnAt(text, index),
    pointer: pointerTo(text, index),
  };
}

const startOfLine = (text: string, index: number): number =>
  index === 0 ? 0 : text.lastIndexOf('\n', index - 1) + 1;

/** Characters that are shown before and after the place. */
const shownBefore = 50;
const shownAfter = 40;

function pointerTo(text: string, index: number): string {
  const start = startOfLine(text, index);
  const end = text.indexOf('\n', index);
  const line = withoutPasswords(text.slice(start, end < 0 ? text.length : end));
  const before = [...line.slice(0, index - start)];
  const after = [...line.slice(index - start).replace(/\r$/, '')];
  const left = before.length > shownBefore ? ['…', ...before.slice(-shownBefore)] : before;
  const right = after.length > shownAfter ? [...after.slice(0, shownAfter), '…'] : after;
  const shown = (characters: readonly string[]) =>
    characters.map((one) => (/\p{Cc}/u.test(one) ? ' ' : one)).join('');
  const width = left.reduce((sum, one) => sum + cellsOf(one), 0);
  return `${shown(left)}${shown(right)}\n${' '.repeat(width)}^`;
}

/** `PASSWORD '…'` of a role: messages end up in logs. The length stays. */
function withoutPasswords(line: string): string {
  return line.replace(
    /(\bpassword\b\s*=?\s*')([^']*(?:''[^']*)*)/gi,
    (_, before: string, secret: string) => before + '*'.repeat(secret.length),
  );
}

/** Marks over letters take none, East Asian letters and emoji take two cells of a terminal. */
function cellsOf(character: string): number {
  if (/\p{Mn}|\p{Me}|\u200d|\ufe0f/u.test(character)) return 0;
  return wide.test(character) ? 2 : 1;
}

const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u;
