import { createHash } from 'node:crypto';
import type { Job, JobInput, JobType } from '../../contract/job.js';
import { BelayError } from '../../errors.js';
import { withIdempotencyKey } from '../../jobs/queue/idempotency.js';
import { checkOwnReferences } from './own-references.js';
import { problemResponse, RequestRefused } from './problem.js';
import type { ApiRequest } from './route.js';

export interface JobRequest<T extends JobType> {
  readonly database: string;
  readonly type: T;
  readonly input: JobInput<T>;
}

/**
 * Begins a job and answers when it is over: with its result, or the problem of its failure. A caller that does not wait gets
 * 202 and the job. Whoever goes away meanwhile leaves the job running.
 * @param present what of the result is shown; default: all of it
 */
export async function runAsJob<T extends JobType>(
  request: ApiRequest,
  order: JobRequest<T>,
  present: (result: never, job: Job) => unknown = (result) => result,
): Promise<Response> {
  const job = await beginJob(request, order);
  if (request.isAsync) return jobAccepted(job);
  const { c, services } = request;
  const ended = await services.jobs.wait(
    job.id,
    AbortSignal.any([services.closing, c.req.raw.signal]),
  );
  return answerJob(ended, present);
}

/** Begins a job, or finds the one that the same `Idempotency-Key` began. */
async function beginJob<T extends JobType>(
  { c, caller, services, body, params, query }: ApiRequest,
  order: JobRequest<T>,
): Promise<Job> {
  const { jobs, catalog } = services;
  await checkOwnReferences(services, caller, order);
  const key = c.req.header('idempotency-key');
  if (key === undefined) return jobs.add({ ...order, caller });
  if (!/^[\x20-\x7e]{1,255}$/.test(key)) {
    throw new BelayError('BAD_REQUEST', 'the Idempotency-Key is no text of 1 to 255 characters');
  }
  const said = JSON.stringify([c.req.method, c.req.path, params, query, body]);
  const requestHash = createHash('sha256').update(said).digest('hex');
  const { jobId } = await withIdempotencyKey(
    catalog,
    { key, callerId: caller.id, requestHash },
    async (idempotency) => ({
      jobId: (await jobs.add({ ...order, caller, idempotency })).id,
    }),
  );
  const job = await jobs.get(jobId);
  if (job) return job;
  throw new BelayError('JOB_NOT_FOUND', `the job ${jobId} of that Idempotency-Key is forgotten`, {
    hint: 'Use a new key for a new request.',
  });
}

/** 202: it is accepted, and goes on whether somebody asks or not. */
export function jobAccepted(job: Job): Response {
  return Response.json(job, {
    status: 202,
    headers: { location: `/api/jobs/${job.id}`, 'x-belay-job': job.id },
  });
}

function answerJob(job: Job, present: (result: never, job: Job) => unknown): Response {
  const headers = { 'x-belay-job': job.id };
  if (job.state === 'succeeded') {
    return Response.json(present(job.result as never, job), { headers });
  }
  if (job.state === 'failed') {
    const error = job.error ?? unexplained(job);
    return problemResponse(error, { job: job.id, result: job.result });
  }
  if (job.state === 'cancelled') {
    return problemResponse(
      new BelayError('INTERRUPTED', `the job ${job.id} was cancelled`, {
        hint: 'Begin it again if it is still wanted.',
      }),
      { job: job.id },
    );
  }
  // A script must not take this for done: no 2xx.
  return problemResponse(
    new RequestRefused('SERVE_FAILED', `the server stops; the job ${job.id} goes on`, {
      status: 503,
      hint: `Look at /api/jobs/${job.id}, or send the same request with the same Idempotency-Key.`,
    }),
    { status: 503, job: job.id, headers: { 'retry-after': '5' } },
  );
}

function unexplained({ id }: Job): BelayError {
  return new BelayError('BUG', `the job ${id} failed and does not say why`);
}
