import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { readOwnVersion } from '../config/own-version.js';
import type { Reporter } from '../domain/reporter.js';
import { BelayError, toBelayError } from '../errors.js';
import { changesTarget } from '../jobs/queue/job-kinds.js';
import type { JobOutcome, RunJob } from '../jobs/queue/job-source.js';
import { startWorker } from '../jobs/queue/start-worker.js';
import { runJobOn } from '../jobs/run/run-job-on.js';
import type { AgentDatabase } from './agent-databases.js';
import { type AgentJob, HttpJobSource } from './http-job-source.js';
import { LookSender } from './look-sender.js';
import { createServerClient, isAway } from './server-client.js';
import { checkServerUrl } from './server-url.js';

export interface AgentOptions {
  /** URL of the server. */
  readonly server: string;
  readonly token: string;
  readonly databases: readonly AgentDatabase[];
  /** What jobs name as their worker; default: the machine's name. */
  readonly name?: string | undefined;
  /** Jobs at once, of different databases or only reading; default 2. */
  readonly concurrency?: number | undefined;
  /** Do what waits, and end. */
  readonly isOnce?: boolean | undefined;
  /** Comparisons, plans and rehearsals may send some rows as examples to the server. Default: no. */
  readonly showRows?: boolean | undefined;
  /** The server may be called without TLS although it is another machine. */
  readonly allowHttp?: boolean | undefined;
  /** Ends it, after the jobs that run. */
  readonly signal?: AbortSignal | undefined;
  readonly reporter?: Reporter | undefined;
  /** Called when the server has taken the first word. */
  readonly onReady?: ((agent: ReadyAgent) => void) | undefined;
}

export interface ReadyAgent {
  readonly server: string;
  readonly name: string;
  readonly databases: readonly string[];
}

export interface AgentRun {
  readonly jobs: number;
  readonly failed: number;
}

const lookEveryMs = 60_000;
const graceMs = 30_000;
/** Time for the jobs that run. A server that refuses the agent takes no outcome any more. */
const graceAfter = { refused: 0, signal: graceMs, idle: 2 ** 31 - 1 };
/** Between attempts to reach a server for the first time: a wrong URL is told soon. */
const firstPausesMs = [500, 1_500, 3_000];

/**
 * Serves databases that the server itself does not reach, until it is ended. Credentials stay here; archives go from here to their
 * store.
 * @returns with `isOnce`, what was done
 * @throws BelayError AGENT_FAILED, UNAUTHENTICATED, FORBIDDEN, DATABASE_NOT_REGISTERED; INTERRUPTED or TERMINATED after the signal
 */
export async function runAgent(options: AgentOptions): Promise<AgentRun> {
  const { databases, reporter = () => {} } = options;
  const server = checkServerUrl(options.server, { allowHttp: options.allowHttp ?? false });
  const client = createServerClient({ server, token: options.token });
  const name = options.name ?? hostname();
  const lookers = new Map(databases.map((one) => [one.name, new LookSender(one, client)]));
  try {
    await greet([...lookers.values()], options.signal);
    options.onReady?.({ server: server.origin, name, databases: [...lookers.keys()] });
    return await new Agent({ ...options, reporter, name }, lookers, client).run();
  } finally {
    client.close();
  }
}

/** The first word to the server shows whether URL, token and names are right. */
async function greet(lookers: readonly LookSender[], signal: AbortSignal | undefined) {
  for (const looker of lookers) {
    for (const [attempt, pauseMs] of [...firstPausesMs, undefined].entries()) {
      try {
        await looker.look({ isThorough: attempt === 0, ...(signal ? { signal } : {}) });
        break;
      } catch (error) {
        if (pauseMs === undefined || !isAway(error) || signal?.aborted)
          throw ended(signal) ?? error;
        await sleep(pauseMs, undefined, { signal }).catch(() => {});
      }
    }
  }
}

function ended(signal: AbortSignal | undefined): BelayError | undefined {
  if (!signal?.aborted) return undefined;
  const code = signal.reason === 'SIGTERM' ? 'TERMINATED' : 'INTERRUPTED';
  return new BelayError(code, 'the agent was ended');
}

type End = { readonly why: 'signal' | 'idle' } | { readonly why: 'refused'; error: BelayError };

type FullOptions = AgentOptions & { readonly reporter: Reporter; readonly name: string };

class Agent {
  readonly #options: FullOptions;
  readonly #lookers: ReadonlyMap<string, LookSender>;
  readonly #databases: ReadonlyMap<string, AgentDatabase>;
  readonly #client: ReturnType<typeof createServerClient>;
  readonly #over = new AbortController();
  #end: (end: End) => void = () => {};
  #running = 0;
  #jobs = 0;
  #failed = 0;

  constructor(
    options: FullOptions,
    lookers: ReadonlyMap<string, LookSender>,
    client: ReturnType<typeof createServerClient>,
  ) {
    this.#options = options;
    this.#lookers = lookers;
    this.#databases = new Map(options.databases.map((one) => [one.name, one]));
    this.#client = client;
  }

  async run(): Promise<AgentRun> {
    const { signal, concurrency } = this.#options;
    const ending = new Promise<End>((resolve) => {
      this.#end = resolve;
    });
    const onSignal = () => this.#end({ why: 'signal' });
    if (signal?.aborted) onSignal();
    signal?.addEventListener('abort', onSignal, { once: true });
    const source = this.#source();
    const onError = (error: unknown) => this.#warn(toBelayError(error).message);
    const worker = startWorker({ source, run: this.#run, concurrency, onError });
    const looking = this.#keepLooking();
    const end = await ending;
    await worker.close(graceAfter[end.why]);
    this.#over.abort();
    await looking;
    signal?.removeEventListener('abort', onSignal);
    if (end.why === 'refused') throw end.error;
    if (end.why === 'signal') throw ended(signal) ?? new BelayError('INTERRUPTED', 'ended');
    return { jobs: this.#jobs, failed: this.#failed };
  }

  #source(): HttpJobSource {
    const { name, isOnce = false, showRows = false } = this.#options;
    return new HttpJobSource({
      ...{ client: this.#client, databases: [...this.#databases.keys()], name, isOnce, showRows },
      version: readOwnVersion(),
      onRefusal: (error) => this.#end({ why: 'refused', error }),
      onState: (state, error) => {
        if (state === 'away') this.#warn(`${error?.message ?? 'the server is away'}; trying again`);
        if (state === 'back') this.#note('the server answers again');
        if (state === 'idle' && isOnce && this.#running === 0) this.#end({ why: 'idle' });
      },
    });
  }

  readonly #run: RunJob = async (job, { report, signal }) => {
    this.#running += 1;
    try {
      this.#note(`${job.id}: ${job.type} of ${job.database} begun, for ${job.requestedBy}`);
      const outcome = await this.#work(job as AgentJob, { report, signal });
      if (changesTarget(job.type)) await this.#tellChange(job.database);
      this.#jobs += 1;
      if (outcome.state === 'failed') this.#failed += 1;
      this.#note(`${job.id}: ${describe(outcome)}`);
      return outcome;
    } finally {
      this.#running -= 1;
    }
  };

  #work(job: AgentJob, options: Parameters<RunJob>[1]): Promise<JobOutcome> {
    const { environment } = job;
    const database = this.#databases.get(job.database);
    const place = {
      open: (action: string) => {
        if (database) return database.open(action, environment);
        throw new BelayError('AGENT_FAILED', `this agent does not serve "${job.database}"`, {
          hint: 'Server and agent disagree: start the agent anew.',
        });
      },
      onInventory: (inventory: Parameters<LookSender['send']>[0]) =>
        this.#lookers.get(job.database)?.send(inventory),
    };
    return runJobOn(place, job, options);
  }

  /** Before the job is over, so that whoever waits for it then sees what it did. */
  async #tellChange(name: string): Promise<void> {
    const signal = AbortSignal.timeout(graceMs);
    await this.#lookers
      .get(name)
      ?.look({ isThorough: true, signal })
      .catch((error: unknown) => this.#warn(toBelayError(error).message));
  }

  async #keepLooking(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      await sleep(lookEveryMs, undefined, { signal }).catch(() => {});
      for (const looker of this.#lookers.values()) {
        if (signal.aborted) return;
        // The worker's own calls tell when the server is away.
        await looker.look({ isThorough: false, signal }).catch(() => {});
      }
    }
  }

  #note(message: string): void {
    this.#options.reporter({ type: 'note', message });
  }

  #warn(message: string): void {
    this.#options.reporter({ type: 'warning', message });
  }
}

function describe(outcome: JobOutcome): string {
  if (outcome.state !== 'failed') return outcome.state;
  return `failed: ${outcome.error.code}: ${outcome.error.message}`;
}
