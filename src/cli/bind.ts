import type { CommandContext, GlobalOptions } from './context.js';

/** What a command does: called with its arguments and all its options. */
export type Action<Arguments extends unknown[], Options> = (
  context: CommandContext,
  options: Options & GlobalOptions,
  ...args: Arguments
) => Promise<void>;

/** Turns an action into what commander calls. */
export type Bind = <Arguments extends unknown[], Options>(
  action: Action<Arguments, Options>,
) => (...args: unknown[]) => Promise<void>;
