import type { BelayConfig } from '../../config/config.js';
import type { JobInput, JobType } from '../../contract/job.js';
import { BelayError } from '../../errors.js';
import type { Target } from '../../features/target/open-target.js';
import type { WorkOptions } from '../../features/target/work.js';

/** What a job of one kind works with. */
export interface JobWork<T extends JobType = JobType> {
  readonly target: Target;
  /** Registered name of its database. */
  readonly name: string;
  readonly input: JobInput<T>;
  /** Signal, reporter and patience, for the library's functions. */
  readonly options: Pick<WorkOptions, 'signal' | 'reporter' | 'lockWaitMs'>;
  /** Id of the job. */
  readonly job: string;
  /** Nobody waits before the page or the script: it was begun by the clock. */
  readonly isScheduled: boolean;
  /** Of the project in whose folder the worker runs, and its folder. */
  readonly config: BelayConfig | undefined;
  readonly configFolder: string | undefined;
}

/** How the work ended: with a result, or with a result that is a failure. */
export interface JobEnd {
  readonly result: unknown;
  readonly failure?: BelayError | undefined;
}

/** What is done for each kind of some jobs. */
export type JobVerbs<T extends JobType> = {
  readonly [K in T]: (work: JobWork<K>) => Promise<JobEnd>;
};

/** The same answer as the library's guard: a server that is not this machine, and that nobody marked, counts. */
export function isProduction({
  environment,
  isLocal,
}: Pick<Target, 'environment' | 'isLocal'>): boolean {
  return environment === 'production' || (environment === undefined && !isLocal);
}

/**
 * Refuses what replaces or removes something of a production database where its registered name was not typed.
 * @param action what would be done, as it reads after "to", e.g. "restore into"
 * @returns the library's approval
 * @throws BelayError NOT_CONFIRMED
 */
export function approved(
  { target, name }: Pick<JobWork, 'target' | 'name'>,
  action: string,
  confirm: string | undefined,
): { readonly allowProduction?: string } {
  if (!isProduction(target)) return {};
  if (confirm === name) return { allowProduction: target.database };
  throw notConfirmed(name, action);
}

function notConfirmed(name: string, action: string): BelayError {
  return new BelayError(
    'NOT_CONFIRMED',
    `refused to ${action} "${name}": it is a production database, and its name was not typed`,
    {
      hint: `Send "confirm": ${JSON.stringify(name)} with it, if it is meant.`,
      details: { confirm: name },
    },
  );
}

/** `--sessions` of the configuration holds where the job says nothing. */
export const sessionsOf = (
  { config }: Pick<JobWork, 'config'>,
  chosen?: 'wait' | 'terminate' | 'fail',
): 'wait' | 'terminate' | 'fail' => chosen ?? config?.sessions ?? 'wait';
