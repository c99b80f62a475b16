import type { Readable } from 'node:stream';
import type { MappedTable } from '../../domain/shadow.js';
import { keyOf } from './apply-stage.js';

const unescaped: Readonly<Record<string, string>> = {
  ...{ b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' },
};

function decodeValue(text: string): string | null {
  if (text === '\\N') return null;
  return text.replace(/\\(.)/gs, (_, character: string) => unescaped[character] ?? character);
}

/**
 * The key of one line of COPY's text format, all columns of the table in their order. Reads to the end: the session is free
 * again only then.
 * @param wanted from 1
 */
export async function keyInLine(
  rows: Readable,
  table: MappedTable,
  wanted: number,
): Promise<(string | null)[] | null> {
  let line = 1;
  let found = '';
  for await (const piece of rows) {
    for (const part of String(piece).split(/(\n)/)) {
      if (part === '\n') line += 1;
      else if (line === wanted) found += part;
    }
  }
  if (found === '') return null;
  const values = found.split('\t');
  return keyOf(table).map((index) => decodeValue(values[index] ?? '\\N'));
}
