import { BelayError } from '../errors.js';

const shells = ['bash', 'zsh', 'fish', 'powershell', 'cmd', 'dotenv'] as const;
export type Shell = (typeof shells)[number];

/** A variable to be set; null: to be unset. */
export interface ShellVariable {
  readonly name: string;
  readonly value: string | null;
}

/**
 * Lines that set variables in a shell, with every character of their values as it is.
 *
 * @example
 * shellLines('fish', [{ name: 'PGUSER', value: "o'hara" }]); // ["set -gx PGUSER 'o\\'hara'"]
 * @throws BelayError USAGE where the shell cannot hold a value
 */
export function shellLines(shell: Shell, variables: readonly ShellVariable[]): string[] {
  return variables.flatMap(({ name, value }) => {
    const line = value === null ? unset(shell, name) : set(shell, name, value);
    return line === null ? [] : [line];
  });
}

function set(shell: Shell, name: string, value: string): string {
  switch (shell) {
    case 'bash':
    case 'zsh':
      return `export ${name}='${value.replaceAll("'", `'\\''`)}'`;
    case 'fish':
      return `set -gx ${name} '${value.replace(/['\\]/g, '\\$&')}'`;
    case 'powershell':
      // PowerShell takes typographic quotes for quotes as well.
      return `$env:${name} = '${value.replace(/['\u2018\u2019\u201a\u201b]/g, '$&$&')}'`;
    case 'cmd':
      if (/["\r\n]/.test(value)) throw cannotHold(shell, name);
      return `set "${name}=${value}"`;
    case 'dotenv':
      return `${name}=${dotenvValue(name, value)}`;
  }
}

function unset(shell: Shell, name: string): string | null {
  switch (shell) {
    case 'bash':
    case 'zsh':
      return `unset ${name}`;
    case 'fish':
      return `set -e ${name}`;
    case 'powershell':
      return `Remove-Item Env:${name} -ErrorAction SilentlyContinue`;
    case 'cmd':
      return `set "${name}="`;
    case 'dotenv':
      return null;
  }
}

/** Readers of `.env` files agree on quotes, and on no way to escape one. */
function dotenvValue(name: string, value: string): string {
  if (/^[\w.:/@%+,=&?~-]+$/.test(value)) return `"${value}"`;
  const quote = ["'", '`', '"'].find((one) => !value.includes(one));
  if (quote === undefined || (quote === '"' && /[\\$]/.test(value)))
    throw cannotHold('dotenv', name);
  return `${quote}${value}${quote}`;
}

function cannotHold(shell: Shell, name: string): BelayError {
  return new BelayError('USAGE', `the value of ${name} cannot be written for ${shell}`, {
    hint: 'It has characters that cannot be quoted there; `belay run -- COMMAND` sets it for a command.',
  });
}

/** The shell that somebody uses, by what the environment says. */
export function detectShell(env: NodeJS.ProcessEnv, platform: NodeJS.Platform): Shell {
  const name = /([^/\\]+?)(?:\.exe)?$/.exec(env.SHELL ?? '')?.[1] ?? '';
  const known = shells.find((shell) => shell === name);
  if (known) return known;
  if (name === 'pwsh') return 'powershell';
  return name === '' && platform === 'win32' ? 'powershell' : 'bash';
}
