import { execFileSync } from 'node:child_process';
import { parseEnv } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detectShell, shellLines } from '../../../src/domain/shell-variables.js';
import { BelayError } from '../../../src/errors.js';

const value = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\0'));

describe('shellLines', () => {
  it('sets any value in a POSIX shell', () => {
    const values = fc.sample(value, 200);
    const lines = shellLines(
      'bash',
      values.map((one, index) => ({ name: `V${index}`, value: one })),
    );
    const script = `${lines.join('\n')}\nexec '${process.execPath}' -p 'JSON.stringify(process.env)'`;
    const env = JSON.parse(execFileSync('sh', ['-c', script], { encoding: 'utf8' }));
    expect(values.map((_, index) => env[`V${index}`])).toEqual(values);
  });

  it('writes values that readers of .env files read as they are, or refuses', () => {
    fc.assert(
      fc.property(
        value.filter((text) => !/[\r]/.test(text)),
        (one) => {
          let line: string | undefined;
          try {
            [line] = shellLines('dotenv', [{ name: 'V', value: one }]);
          } catch (error) {
            expect(error).toBeInstanceOf(BelayError);
            return;
          }
          expect(parseEnv(line as string)).toEqual({ V: one });
        },
      ),
    );
  });

  it.each([
    ['fish', "a'b\\c", "set -gx V 'a\\'b\\\\c'"],
    ['powershell', "a'b$c", "$env:V = 'a''b$c'"],
    ['cmd', 'a&b%c', 'set "V=a&b%c"'],
    ['zsh', '$(id)', "export V='$(id)'"],
  ] as const)('quotes for %s', (shell, one, expected) => {
    expect(shellLines(shell, [{ name: 'V', value: one }])).toEqual([expected]);
  });

  it.each([
    ['bash', ['unset V']],
    ['fish', ['set -e V']],
    ['powershell', ['Remove-Item Env:V -ErrorAction SilentlyContinue']],
    ['cmd', ['set "V="']],
    ['dotenv', []],
  ] as const)('takes a variable away in %s', (shell, expected) => {
    expect(shellLines(shell, [{ name: 'V', value: null }])).toEqual(expected);
  });

  it('refuses what a shell cannot hold', () => {
    expect(() => shellLines('cmd', [{ name: 'V', value: 'a\nb' }])).toThrow(BelayError);
  });
});

describe('detectShell', () => {
  it.each([
    [{ SHELL: '/usr/bin/fish' }, 'linux', 'fish'],
    [{ SHELL: '/bin/zsh' }, 'darwin', 'zsh'],
    [{ SHELL: '/bin/sh' }, 'linux', 'bash'],
    [{ SHELL: 'C:\\Program Files\\Git\\bin\\bash.exe' }, 'win32', 'bash'],
    [{ SHELL: '/usr/bin/pwsh' }, 'linux', 'powershell'],
    [{}, 'win32', 'powershell'],
    [{}, 'linux', 'bash'],
  ] as const)('of %j on %s is %s', (env, platform, expected) => {
    expect(detectShell(env, platform)).toBe(expected);
  });
});
