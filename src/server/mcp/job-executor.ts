import type { Caller } from '../../contract/caller.js';
import type { Inventory } from '../../contract/inventory.js';
import { type Job, type JobInput, jobInputs } from '../../contract/job.js';
import { resolveReference } from '../../domain/reference.js';
import type { ProgressEvent } from '../../domain/reporter.js';
import { BelayError, type ErrorCode, errorCatalog } from '../../errors.js';
import type { RegisteredDatabase } from '../../jobs/databases/databases.js';
import type { Executor, ToolCall, ToolVerb } from '../../mcp/index.js';
import { checkDatabase, mayUse } from '../http/authenticate.js';
import { checkOwnReferences } from '../http/own-references.js';
import type { Services } from '../services.js';

/** Does what the tools of an assistant say as jobs of its caller, on the databases that the caller may use. */
export function createJobExecutor(services: Services, caller: Caller): Executor {
  const { inventories } = services;
  const look = async (call: ToolCall): Promise<Inventory> =>
    inventories.read(await nameOf(services, caller, call.place));
  return {
    placeArgument: 'database',
    places: async () => {
      const databases = await visible(services, caller);
      return databases.map(({ name, environment, server }) => {
        return { name, environment, server, isDefault: databases.length === 1 };
      });
    },
    timeline: async (call) => {
      const { snapshots, basedOn, undo, problem } = await look(call);
      return { snapshots, basedOn, undo, problem: problem?.message ?? null };
    },
    snapshot: async (call, reference) => resolveReference(reference, (await look(call)).snapshots),
    branches: async (call) => (await look(call)).branches,
    versions: async (call) => {
      const { versions } = await look(call);
      return { versions, current: versions.find(({ isCurrent }) => isCurrent)?.id ?? null };
    },
    ledger: async (call, limit) => (await look(call)).ledger.slice(0, limit),
    perform: (call, verb, input) => perform(services, caller, { call, verb, input }),
  };
}

async function visible(services: Services, caller: Caller): Promise<RegisteredDatabase[]> {
  return (await services.databases.list()).filter(({ name }) => mayUse(caller, name));
}

/** @throws BelayError FORBIDDEN, DATABASE_NOT_REGISTERED, BAD_REQUEST where it is not clear which is meant */
async function nameOf(
  services: Services,
  caller: Caller,
  place: string | undefined,
): Promise<string> {
  if (place !== undefined) checkDatabase(caller, place);
  const databases = await visible(services, caller);
  const names = databases.map(({ name }) => name);
  const there = names.length === 0 ? 'None is registered.' : `There are: ${names.join(', ')}.`;
  if (place !== undefined) {
    if (names.includes(place)) return place;
    throw new BelayError('DATABASE_NOT_REGISTERED', `no database "${place}" is registered`, {
      hint: there,
    });
  }
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return only;
  throw new BelayError('BAD_REQUEST', 'the argument "database" does not say which is meant', {
    hint: there,
  });
}

interface Order<T extends ToolVerb> {
  readonly call: ToolCall;
  readonly verb: T;
  readonly input: JobInput<T>;
}

/** @throws BelayError as the job, INTERRUPTED where it was cancelled, SERVE_FAILED where the server stops */
async function perform<T extends ToolVerb>(
  services: Services,
  caller: Caller,
  { call, verb, input }: Order<T>,
): Promise<unknown> {
  const { jobs, closing } = services;
  const database = await nameOf(services, caller, call.place);
  const checked = jobInputs[verb].parse(input) as JobInput<T>;
  await checkOwnReferences(services, caller, { database, input: checked });
  const job = await jobs.add({ database, type: verb, input: checked, caller });
  const cancel = () => void jobs.cancel(job.id).catch(() => {});
  call.signal.addEventListener('abort', cancel, { once: true });
  if (call.signal.aborted) cancel();
  try {
    for await (const { event } of jobs.follow(job.id, 0, closing)) {
      if (event.type !== 'state') call.report(event as ProgressEvent);
    }
    return resultOf(await jobs.wait(job.id, closing));
  } finally {
    call.signal.removeEventListener('abort', cancel);
  }
}

function resultOf(job: Job): unknown {
  if (job.state === 'succeeded') return job.result;
  if (job.state === 'failed' && job.error) {
    const { code, message, hint } = job.error;
    const known = Object.hasOwn(errorCatalog, code) ? (code as ErrorCode) : 'BUG';
    throw new BelayError(known, message, { hint });
  }
  if (job.state === 'cancelled') {
    throw new BelayError('INTERRUPTED', `the job ${job.id} was cancelled`, {
      hint: 'Begin it again if it is still wanted.',
    });
  }
  throw new BelayError('SERVE_FAILED', `the server stops; the job ${job.id} goes on`, {
    hint: `Look at /api/jobs/${job.id} when the server is back.`,
  });
}
