import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashSecret, isId, newToken, parseToken } from '../../../src/server/access/token-text.js';

describe('the text of a token', () => {
  it('begins so that scanners know it, and holds its own id', () => {
    const { id, token } = newToken();
    expect(token).toMatch(/^bly_[0-9a-z]{12}[A-Za-z0-9_-]{43}[0-9a-z]{7}$/);
    expect(token.slice(4, 16)).toBe(id.slice('tok_'.length));
    expect(parseToken(token)).toEqual({ id });
    expect(isId('tok', id)).toBe(true);
  });

  it('is never the same twice', () => {
    const tokens = Array.from({ length: 500 }, () => newToken().token);
    expect(new Set(tokens.map((token) => token.slice(16, 59))).size).toBe(500);
  });

  it('with one character changed is none: nothing need be looked up', () => {
    const { token } = newToken();
    fc.assert(
      fc.property(
        fc.nat({ max: token.length - 1 }),
        fc.constantFrom(...'abcXYZ019_-'),
        (at, character) => {
          fc.pre(token[at] !== character);
          expect(parseToken(token.slice(0, at) + character + token.slice(at + 1))).toBeUndefined();
        },
      ),
    );
  });

  it.each([
    ['', 'nothing'],
    ['bly_', 'only the beginning'],
    [`${newToken().token} `, 'a space behind it'],
    [`${newToken().token}\n`, 'a line break behind it'],
    [newToken().token.toUpperCase(), 'capitals'],
    [newToken().token.slice(4), 'no beginning'],
    [newToken().token.repeat(2), 'twice'],
    [`bly_\0${newToken().token.slice(5)}`, 'a NUL'],
  ])('%j is none: %s', (text) => {
    expect(parseToken(text)).toBeUndefined();
  });

  it('is kept as SHA-256 alone', () => {
    expect(hashSecret('abc').toString('hex')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });
});

describe('isId', () => {
  it.each([
    '',
    'tok_',
    'per_0123456789ab',
    'tok_0123456789aB',
    "tok_0123456789a'",
    'tok_\x0a3456789ab',
  ])('%j is no id of a token', (text) => {
    expect(isId('tok', text)).toBe(false);
  });
});
