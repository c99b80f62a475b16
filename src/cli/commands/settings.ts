import type { BelayConfig, SessionPolicy } from '../../index.js';
import type { CommandContext } from '../context.js';

/** The configuration of the project, for what it sets beside the target. */
export async function readConfig(context: CommandContext): Promise<BelayConfig | undefined> {
  const { loadConfig } = await import('../../index.js');
  return (await loadConfig({ cwd: context.io.cwd, env: context.io.env }))?.config;
}

/** `--sessions`, else the configuration's; undefined: the library's default. */
export async function sessionPolicy(
  context: CommandContext,
  chosen: SessionPolicy | undefined,
): Promise<SessionPolicy | undefined> {
  return chosen ?? (await readConfig(context))?.sessions;
}
