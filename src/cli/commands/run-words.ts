import type { CommandContext } from '../context.js';

/** What stands behind a command of Belay's: a command of the user's behind "--", or names of files. */
export interface Words {
  readonly command: readonly [string, ...string[]] | undefined;
  readonly inputs: readonly string[];
}

/** Behind "--" begins a program with its arguments: without it their options would be taken for Belay's. */
export function commandWords({ io }: CommandContext, words: readonly string[]): Words {
  if (!io.args.includes('--')) return { command: undefined, inputs: words };
  const behind = io.args.length - io.args.indexOf('--') - 1;
  const [name, ...args] = words.slice(words.length - behind);
  const inputs = words.slice(0, words.length - behind);
  return { command: name === undefined ? undefined : [name, ...args], inputs };
}

export async function readAll({ io }: CommandContext): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of io.stdin as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
