import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { expandReferences, readVariables } from '../../../src/config/variables.js';
import { makeTempFolder } from '../../support/temp-folder.js';

describe('readVariables', () => {
  it('prefers the process, then the nearest folder, then .env.local', async () => {
    const root = makeTempFolder({
      '.git/': '',
      '.env': 'A=root\nB=root\nC=root\nD=root\n',
      'app/.env': 'A=app\nB=app\nC=app\n',
      'app/.env.local': 'A=local\nB=local\n',
    });
    const lookup = await readVariables(join(root, 'app'), { A: 'process' });
    expect(lookup('A')).toEqual({ value: 'process', source: 'environment' });
    expect(lookup('B')).toEqual({ value: 'local', source: '.env.local' });
    expect(lookup('C')).toEqual({ value: 'app', source: '.env' });
    expect(lookup('D')).toEqual({ value: 'root', source: join('..', '.env') });
    expect(lookup('E')).toBeUndefined();
  });

  it('takes an empty variable for one that is not set', async () => {
    const cwd = makeTempFolder({ '.env': 'A=file\nB=\n' });
    const lookup = await readVariables(cwd, { A: '', B: '' });
    expect(lookup('A')?.value).toBe('file');
    expect(lookup('B')).toBeUndefined();
  });

  it('reads quotes, comments and a byte order mark', async () => {
    const text = `\uFEFFA="with # and space"\nB='\${A}' # comment\nexport C=plain # comment\n`;
    const lookup = await readVariables(makeTempFolder({ '.env': text }), {});
    expect(lookup('A')?.value).toBe('with # and space');
    expect(lookup('C')?.value).toBe('plain');
  });

  it('builds values of a file from others, and leaves unknown names as they are', async () => {
    const text = `USER_=app\nA=postgres://\${USER_}:\${PW}@db/\${NOWHERE}\nSELF=x\${SELF}\n`;
    const lookup = await readVariables(makeTempFolder({ '.env': text }), {
      PW: 'process',
      RAW: `\${PW}`,
    });
    expect(lookup('A')?.value).toBe(`postgres://app:process@db/\${NOWHERE}`);
    expect(lookup('SELF')?.value).toBe(`x\${SELF}`);
    expect(lookup('RAW')?.value).toBe(`\${PW}`);
  });
});

describe('expandReferences', () => {
  const values: Record<string, string> = { URL: 'postgres://a:b@c/d', PW: 'p@/:%w' };
  const lookup = (name: string) =>
    values[name] === undefined ? undefined : { value: values[name], source: 'environment' };

  it('puts a whole URL in as it is, and encodes a part of one', () => {
    expect(expandReferences(`\${URL}?x=y`, lookup, 'here')).toBe('postgres://a:b@c/d?x=y');
    const expanded = expandReferences(`postgres://a:\${PW}@c/\${PW}`, lookup, 'here');
    expect(expanded).toBe('postgres://a:p%40%2F%3A%25w@c/p%40%2F%3A%25w');
  });

  it('names what is not set, and where it is needed', () => {
    expect(() => expandReferences(`\${NOPE}`, lookup, 'targets.dev.url')).toThrow(
      expect.objectContaining({
        code: 'BAD_CONFIG',
        message: expect.stringMatching(/targets\.dev\.url.*\$\{NOPE\}/),
        details: { variable: 'NOPE' },
      }),
    );
  });
});
