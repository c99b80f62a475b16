// Turns what a terminal was sent (with colours) into the SVG of the README:
//   script -qec "npm run demo --silent" /dev/null | node scripts/terminal-svg.mjs > docs/terminal.svg
import { readFileSync } from 'node:fs';

const esc = String.fromCharCode(27);
const from = process.argv[2] ?? 'Before a schema change';
const to = process.argv[3] ?? 'Done in';
const [lineHeight, characterWidth, fontSize, padding] = [20, 8.43, 14, 18];
const colours = { 31: '#ff7b72', 32: '#7ee787', 33: '#e3b341', 36: '#79c0ff' };
const escapeXml = (text) =>
  text.replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c]);

/** The last thing drawn on each line: progress draws over itself. */
function settle(line) {
  return (
    line
      .replace(/\r+$/, '')
      .split(new RegExp(`\\r?${esc}\\[2K\\r?|\\r`))
      .at(-1) ?? ''
  );
}

function apply(style, code) {
  if (code === 0) return {};
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, dim: true };
  if (code === 22) return { ...style, bold: false, dim: false };
  if (code === 39) return { ...style, colour: undefined };
  return colours[code] ? { ...style, colour: colours[code] } : style;
}

/** Runs of one style. */
function parse(line) {
  let style = {};
  const runs = [];
  for (const part of line.split(new RegExp(`(${esc}\\[[0-9;]*m)`))) {
    const codes = new RegExp(`^${esc}\\[([0-9;]*)m$`).exec(part);
    if (codes) style = codes[1].split(';').map(Number).reduce(apply, style);
    else if (part) runs.push({ text: part, style });
  }
  return runs;
}

function draw(runs, y) {
  let column = 0;
  return runs
    .map(({ text, style }) => {
      const x = padding + column * characterWidth;
      column += text.length;
      const attributes = [
        style.colour ? `fill="${style.colour}"` : '',
        style.bold ? 'font-weight="bold"' : '',
        style.dim ? 'opacity="0.62"' : '',
      ];
      const width = (text.length * characterWidth).toFixed(1);
      return `<text x="${x.toFixed(1)}" y="${y}" textLength="${width}" ${attributes.filter(Boolean).join(' ')}>${escapeXml(text)}</text>`;
    })
    .join('');
}

const lines = readFileSync(0, 'utf8').split('\n').map(settle);
const first = lines.findIndex((line) => line.includes(from));
const last = lines.findIndex((line) => line.includes(to));
const shown = lines.slice(Math.max(first, 0), last < 0 ? undefined : last);
while (shown.at(-1)?.trim() === '') shown.pop();
const columns = Math.max(
  ...shown.map((line) => parse(line).reduce((n, { text }) => n + text.length, 0)),
);
const width = Math.ceil(columns * characterWidth + 2 * padding);
const height = shown.length * lineHeight + 2 * padding;
const body = shown.map((line, index) => draw(parse(line), padding + (index + 0.75) * lineHeight));
console.log(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="A terminal session with Belay">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g xml:space="preserve" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="${fontSize}" fill="#e6edf3">
${body.filter(Boolean).join('\n')}
</g>
</svg>`);
