/** What has a meaning in Markdown, HTML or a table of GitHub's, anywhere in a line. */
const special = /[&<>|`*_~[\]\\#@!$^]/g;

const entity = (character: string): string => `&#${character.codePointAt(0)};`;

/** Links are found by `://` and `www.` as they are written, also within HTML. */
const entities = (text: string): string =>
  text.replace(special, entity).replace(/:(?=\/\/)|(?<=\bwww)\./gi, entity);

const oneLine = (text: string): string =>
  text
    .replace(/\p{Bidi_Control}/gu, '\ufffd')
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();

/**
 * A text among others, in one line. GitHub looks for people, issues and links in what it has rendered, entities or not: an invisible
 * word joiner keeps it from finding any.
 */
export function plainMarkdown(text: string): string {
  const quiet = oneLine(text).replace(/[@#]|\bGH-|\bwww\.|:\/\//gi, '$&\u2060');
  return (
    entities(quiet)
      // Where it begins a line it would begin a list, or make a heading of the line before.
      .replace(/^(?:[-+=]|(\d+)([.)]))/, (mark, digits?: string, end?: string) =>
        digits === undefined ? entity(mark) : `${digits}${entity(end ?? '')}`,
      )
  );
}

/** A name, in which GitHub looks for nothing. HTML, as a code span of Markdown cannot hold a `|` in a table. */
export function inlineCode(text: string): string {
  const line = oneLine(text);
  return line === '' ? '' : `<code>${entities(line)}</code>`;
}

/** A block whose fence is longer than any within. */
export function codeBlock(text: string, language: string): string {
  const runs = text.match(/`+/g) ?? [];
  const fence = '`'.repeat(Math.max(3, ...runs.map((run) => run.length + 1)));
  const lines = text.replace(/\r\n?/g, '\n').replace(/[^\P{Cc}\n\t]|\p{Bidi_Control}/gu, '\ufffd');
  return `${fence}${language}\n${lines}\n${fence}`;
}
