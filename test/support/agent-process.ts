import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { cleanEnvironment } from './run-belay.js';
import { testHome } from './test-home.js';
import { withTypeScript } from './test-project.js';

export interface AgentProcessOptions {
  /** URL of the server, as the agent is to call it. */
  readonly server: string;
  readonly token: string;
  /** URLs by registered name. */
  readonly databases: Readonly<Record<string, string>>;
  readonly name: string;
  /** Folder of its archives and ledger. */
  readonly store: string;
  readonly args?: readonly string[] | undefined;
  readonly env?: NodeJS.ProcessEnv | undefined;
}

export interface AgentProcess {
  readonly pid: number;
  /** Resolves when the server has taken its first word. */
  readonly ready: Promise<void>;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** What it has printed so far, both streams. */
  output(): string;
  kill(signal: NodeJS.Signals): void;
}

const program = fileURLToPath(new URL('source-program.ts', import.meta.url));

/** Starts `belay agent` from the sources, as a process of its own. The test ends it. */
export function startAgentProcess(options: AgentProcessOptions): AgentProcess {
  const { server, token, databases, name, store, args = [], env } = options;
  const named = Object.entries(databases).flatMap(([one, url]) => ['--database', `${one}=${url}`]);
  const child = spawn(
    process.execPath,
    [...withTypeScript, program, 'agent', '--server', server, '--name', name, ...named, ...args],
    {
      cwd: store,
      env: {
        ...cleanEnvironment(),
        ...{ BELAY_HOME: testHome(), BELAY_STORE: store, BELAY_AGENT_TOKEN: token },
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  if (child.pid === undefined) throw new Error('the agent did not start');
  let text = '';
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('exit', (code, signal) => resolve(code ?? signal ?? 1));
  });
  const ready = new Promise<void>((resolve, reject) => {
    const take = (part: Buffer) => {
      text += part.toString('utf8');
      if (/ serves .* for /.test(text)) resolve();
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    ended.then((how) => reject(new Error(`the agent ended with ${how}: ${text}`)));
  });
  // Whoever does not wait for it looks at the end.
  ready.catch(() => {});
  return {
    ...{ pid: child.pid, ready, ended },
    output: () => text,
    kill: (signal) => void child.kill(signal),
  };
}
