import type * as Belay from '../index.js';
import type { CliIo } from './io.js';
import { printable } from './output/printable.js';
import { lineProgress, type Progress, terminalProgress } from './output/progress.js';
import { type Style, styleFor } from './output/style.js';

/** The options that every command has. */
export interface GlobalOptions {
  readonly url?: string;
  readonly target?: string;
  readonly maintenanceDb?: string;
  readonly store?: string;
  readonly json?: boolean;
  readonly yes?: boolean;
  readonly lockWait?: string;
  /** Only of commands that need the database without sessions. */
  readonly sessionsWait?: string;
}

/** The library, as it is when it has been loaded. */
export type Library = typeof Belay;

/** What a command works with. */
export interface CommandContext {
  readonly io: CliIo;
  readonly options: GlobalOptions;
  readonly json: boolean;
  readonly style: Style;
  /** Something can be asked: stdin and stderr are a terminal. */
  readonly isInteractive: boolean;
  readonly progress: Progress;
  /**
   * From here on the feature itself reacts to an interruption and cleans up. Before, there is nothing to clean:
   * the command ends at once.
   */
  beginWork(): AbortSignal;
  /** Whether `beginWork` was called. */
  readonly isAtWork: boolean;
  /** A mistake in `--lock-wait` or `--sessions-wait` is told before anything else is done. */
  checkDurations(): Promise<void>;
  /** For features that take the target's lock; begins the work. */
  work(
    library: Library,
  ): Pick<
    Belay.TakeSnapshotOptions,
    'signal' | 'reporter' | 'lockWaitMs' | 'sessionsWaitMs' | 'cwd'
  >;
  /** Connects, runs, and disconnects whatever happens. */
  withTarget<T>(
    action: string,
    run: (target: Belay.Target, library: Library) => Promise<T>,
  ): Promise<T>;
  /** Prints the result: the document under --json, else the text. */
  print(document: unknown, text: () => string): void;
  /** Sets the exit code of a command that did not fail but found something. */
  exitWith(code: number): void;
}

export function createContext(
  io: CliIo,
  options: GlobalOptions,
  exitWith: (code: number) => void,
): CommandContext {
  const json = options.json ?? false;
  const errorStyle = styleFor(io.stderr, io.env);
  const progress =
    !json && io.stderr.isTTY
      ? terminalProgress(io.stderr, errorStyle)
      : lineProgress(io.stderr, errorStyle, json);
  let isAtWork = false;
  const beginWork = () => {
    isAtWork = true;
    return io.signal;
  };
  return {
    io,
    options,
    json,
    style: styleFor(io.stdout, io.env),
    isInteractive: !json && io.stdin.isTTY === true && io.stderr.isTTY === true,
    progress,
    beginWork,
    checkDurations: async () => {
      const given = [options.lockWait, options.sessionsWait].filter((text) => text !== undefined);
      // Most commands have none, and then need not load the library for it.
      if (given.length > 0) given.forEach((await import('../index.js')).parseDuration);
    },
    get isAtWork() {
      return isAtWork;
    },
    work: ({ parseDuration }) => ({
      signal: beginWork(),
      reporter: progress.reporter,
      cwd: io.cwd,
      lockWaitMs: duration(options.lockWait, parseDuration),
      sessionsWaitMs: duration(options.sessionsWait, parseDuration),
    }),
    withTarget: (action, run) => withTarget(io, options, action, run),
    print: (document, text) => {
      progress.stop();
      io.stdout.write(`${json ? JSON.stringify(document, null, 2) : text()}\n`);
    },
    exitWith,
  };
}

function duration(text: string | undefined, parse: (text: string) => number): number | undefined {
  return text === undefined ? undefined : parse(text);
}

/** How the target is found, from the options that every command has. Where nobody names it, the current branch is it. */
export function targetOptions(io: CliIo, options: GlobalOptions) {
  return {
    url: options.url,
    target: options.target,
    maintenanceDatabase: options.maintenanceDb,
    store: options.store,
    cwd: io.cwd,
    env: io.env,
    follow: true as const,
  };
}

async function withTarget<T>(
  io: CliIo,
  options: GlobalOptions,
  action: string,
  run: (target: Belay.Target, library: Library) => Promise<T>,
): Promise<T> {
  // Loaded only here: `belay --help` and mistakes in the arguments need no driver.
  const library = await import('../index.js');
  const target = await library.openTarget({ ...targetOptions(io, options), action });
  await sayBranch(io, options, target);
  try {
    return await run(target, library);
  } finally {
    await target.close();
  }
}

/** A command must not surprise: where it is led to a branch, it says so. */
async function sayBranch(
  io: CliIo,
  { json }: GlobalOptions,
  { branch }: Belay.Target,
): Promise<void> {
  if (branch === null) return;
  const { planCheckout } = await import('../config/checkout-plan.js');
  const event = { hook: 'follow', args: [] } as const;
  const plan = await planCheckout({ cwd: io.cwd, env: io.env, event });
  // Made current by a checkout, and git has moved on without the hook, e.g. because the server was down.
  if (branch.gitBranch !== null && plan.todo !== 'nothing') {
    const where = `on branch ${branch.name}, though git is on ${plan.gitBranch}`;
    io.stderr.write(`warning: ${printable(where)}; \`belay git follow\` goes there\n`);
  } else if (io.stderr.isTTY && !json) {
    io.stderr.write(`on branch ${printable(branch.name)}\n`);
  }
}
