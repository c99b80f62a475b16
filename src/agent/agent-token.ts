import { readFile } from 'node:fs/promises';
import { BelayError } from '../errors.js';

/**
 * The agent's token, from a file or the environment; never from the command line, where everybody on the machine can read it.
 * @throws BelayError USAGE, FILE_ERROR
 */
export async function readAgentToken(
  env: NodeJS.ProcessEnv,
  file: string | undefined,
): Promise<string> {
  const token = (file === undefined ? env.BELAY_AGENT_TOKEN : await readToken(file))?.trim();
  if (token !== undefined && /^[\x21-\x7e]{1,500}$/.test(token)) return token;
  const where = file === undefined ? 'BELAY_AGENT_TOKEN' : file;
  throw new BelayError('USAGE', token ? `${where} holds no token` : `${where} is empty`, {
    hint: 'An administrator makes one: `belay token create --agent --database NAME`. Put it into BELAY_AGENT_TOKEN or a file for --token-file.',
  });
}

function readToken(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new BelayError('FILE_ERROR', `cannot read ${file} (${error.code})`, {
      hint: 'Check --token-file.',
      cause: error,
    });
  });
}
