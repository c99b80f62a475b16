import picocolors from 'picocolors';
import type { OutputStream } from '../io.js';

export type Style = ReturnType<typeof picocolors.createColors>;

/** Colours for one stream: only on a terminal, and not where NO_COLOR or TERM=dumb ask for none. */
export function styleFor(stream: OutputStream, env: NodeJS.ProcessEnv): Style {
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0';
  const wanted = stream.isTTY === true && !env.NO_COLOR && env.TERM !== 'dumb';
  return picocolors.createColors(forced || wanted);
}

/** No colours at all, for what is read by programs. */
export const plainStyle: Style = picocolors.createColors(false);
