import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { BelayError, errorCatalog, toBelayError } from '../../src/errors.js';

const codes = Object.keys(errorCatalog).sort();

/** Codes that docs/errors.md has a heading or a table row for. */
async function documentedCodes(): Promise<string[]> {
  const text = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const found = text.matchAll(/^(?:#+ |\| *)`?([A-Z][A-Z_]+)`?(?= |$)/gm);
  return [...new Set([...found].map(([, code]) => code as string))].sort();
}

describe('errorCatalog', () => {
  it('is documented code by code, and nothing else is', async () => {
    expect(await documentedCodes()).toEqual(codes);
  });

  it('has the exit codes that scripts may rely on', () => {
    const exits = new Set(Object.values(errorCatalog).map(({ exit }) => exit));
    expect([...exits].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 130, 143]);
  });

  it.each(codes)('%s: its kind fits its exit code', (name) => {
    const { code, kind, exitCode } = new BelayError(name as keyof typeof errorCatalog, 'x');
    expect(code).toBe(name);
    const byExit = exitCode === 1 ? 'bug' : [6, 7].includes(exitCode) ? 'environment' : 'user';
    expect(kind).toBe(byExit);
  });
});

describe('toBelayError', () => {
  it('leaves a BelayError as it is', () => {
    const error = new BelayError('LOCKED', 'x', { hint: 'y', details: { n: 1 } });
    expect(toBelayError(error)).toBe(error);
    expect(error).toMatchObject({ hint: 'y', details: { n: 1 }, kind: 'user', exitCode: 5 });
  });

  it('calls anything else a bug and keeps it as the cause', () => {
    const cause = new TypeError('x is not a function');
    expect(toBelayError(cause)).toMatchObject({ code: 'BUG', exitCode: 1, cause });
    expect(toBelayError('text')).toMatchObject({ code: 'BUG', message: 'unexpected: text' });
  });
});
