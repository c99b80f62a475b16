import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { searchPathOption, withoutSearchPath } from '../../../src/domain/search-path-option.js';

/** What the server makes of `options`: it splits at white space, and a backslash keeps the next character. */
function split(options: string): string[] {
  return [...options.matchAll(/(?:\\[\s\S]|\S)+/g)].map(([word]) =>
    word.replace(/\\([\s\S])/g, '$1'),
  );
}

describe('searchPathOption', () => {
  it('writes plain names as they are', () => {
    expect(searchPathOption('app_invoices', ['public'])).toBe('-c search_path=app_invoices,public');
  });

  it('holds any name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (name) => {
        const [flag, setting, ...rest] = split(searchPathOption(name));
        expect([flag, rest]).toEqual(['-c', []]);
        const written = setting?.slice('search_path='.length) ?? '';
        const read = written.startsWith('"') ? written.slice(1, -1).replaceAll('""', '"') : written;
        expect(read).toBe(name);
      }),
    );
  });

  it('is taken out again, and nothing else', () => {
    const option = searchPathOption('app');
    expect(withoutSearchPath(option, option)).toBeUndefined();
    expect(withoutSearchPath(`-c a=b ${option}`, option)).toBe('-c a=b');
    expect(withoutSearchPath(undefined, option)).toBeUndefined();
  });
});
