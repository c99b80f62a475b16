import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hasBlock, putBlock, takeBlock } from '../../../src/domain/marked-block.js';
import { BelayError } from '../../../src/errors.js';

const marks = { start: '# start', end: '# end' };
const put = (text: string | null, at: 'start' | 'end' = 'end', lines = ['A=1']) =>
  putBlock(text, { marks, lines, at });

describe('putBlock', () => {
  it('puts lines behind what is there', () => {
    expect(put('B=2\n')).toBe('B=2\n# start\nA=1\n# end\n');
  });

  it('puts lines behind the first line of a script', () => {
    expect(put('#!/bin/sh\nexit 0\n', 'start')).toBe('#!/bin/sh\n# start\nA=1\n# end\nexit 0\n');
  });

  it('ends lines as the file does', () => {
    expect(put('B=2\r\n')).toBe('B=2\r\n# start\r\nA=1\r\n# end\r\n');
  });

  it('takes the place of a block that is there, and of copies of it', () => {
    const once = put('B=2\n');
    expect(put(once + once, 'end', ['A=3'])).toBe('B=2\nB=2\n# start\nA=3\n# end\n');
  });
});

describe('takeBlock', () => {
  it('leaves nothing of a file that Belay made, and all that somebody has written into it', () => {
    expect(takeBlock(put(null), marks)).toBeNull();
    expect(takeBlock(`${put(null)}B=2\n`, marks)).toBe('B=2\n');
  });

  it('keeps lines apart that were written behind it', () => {
    expect(takeBlock(`${put('B=2')}C=3\n`, marks)).toBe('B=2\nC=3\n');
  });

  it('refuses a block without an end', () => {
    expect(() => takeBlock('# start\nA=1\n', marks)).toThrow(BelayError);
  });

  it('gives back every byte', () => {
    const line = fc.oneof(fc.constantFrom('#!/bin/sh', '', 'A=1', '\r', '# star'), fc.string());
    const text = fc
      .array(line, { maxLength: 6 })
      .chain((lines) => fc.constantFrom('\n', '\r\n').map((lineEnd) => lines.join(lineEnd)));
    fc.assert(
      fc.property(text, fc.constantFrom('start' as const, 'end' as const), (before, at) => {
        const once = put(before, at);
        expect(hasBlock(once, marks)).toBe(true);
        expect(put(once, at)).toBe(once);
        expect(takeBlock(once, marks)).toBe(before);
      }),
    );
  });
});
