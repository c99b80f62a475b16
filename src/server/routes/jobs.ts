import { z } from 'zod';
import type { Caller } from '../../contract/caller.js';
import { type Job, jobSchema, jobStates, jobTypes } from '../../contract/job.js';
import { databaseNameSchema } from '../../contract/names.js';
import { BelayError } from '../../errors.js';
import type { Api } from '../http/api.js';
import { mayDo, mayUse } from '../http/authenticate.js';
import { eventStream } from '../http/event-stream.js';
import { pageQuery, queryFlag } from '../http/read-input.js';
import { type ApiRequest, addRoute } from '../http/route.js';
import type { Services } from '../services.js';

const tag = 'Jobs';
const place = z.strictObject({ id: z.string().min(1).max(100) });

export function addJobRoutes(api: Api): void {
  addListRoute(api);
  addOneRoute(api);
  addCancelRoute(api);
  addEventsRoute(api);
}

const listQuery = z.strictObject({
  database: databaseNameSchema.optional(),
  state: z.enum(jobStates).optional(),
  type: z.enum(jobTypes).optional(),
  mine: queryFlag.optional(),
  ...pageQuery,
});

function addListRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/jobs', scope: 'any', database: 'query', tag },
      summary: 'Jobs, newest first: one’s own, and with the scope "read" those of others',
      query: listQuery,
      answers: {
        200: {
          description: 'A page of jobs',
          schema: z.looseObject({ jobs: z.array(jobSchema), next: z.string().nullable() }),
        },
      },
    },
    async ({ c, caller, query, services }) => {
      const { database, state, type, mine, limit, cursor } = query;
      const isOwnOnly = mine === true || !mayDo(caller, 'read');
      const page = await services.jobs.list({
        databases: database === undefined ? (caller.databases ?? undefined) : [database],
        callerId: isOwnOnly ? caller.id : undefined,
        states: state && [state],
        types: type && [type],
        limit,
        cursor,
      });
      return c.json(page);
    },
  );
}

function addOneRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/jobs/{id}', scope: 'any', tag },
      summary: 'One job, with its result or error when it is over',
      params: place,
      answers: { 200: { description: 'The job', schema: jobSchema } },
    },
    async ({ c, caller, params, services }) =>
      c.json(await visibleJob(services, caller, params.id)),
  );
}

function addCancelRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/jobs/{id}/cancel', scope: 'any', tag },
      summary: 'Cancel a job: one’s own, and with the scope "restore" those of others',
      params: place,
      body: z.strictObject({}),
      answers: { 200: { description: 'The job as it is now', schema: jobSchema } },
    },
    async ({ c, caller, params, services }) => {
      const job = await visibleJob(services, caller, params.id);
      if (!isOwn(job, caller) && !mayDo(caller, 'restore')) {
        throw new BelayError('FORBIDDEN', 'cancelling a job of others needs the scope "restore"');
      }
      if (job.finishedAt !== null) {
        throw new BelayError('JOB_OVER', `the job ${job.id} is over: ${job.state}`);
      }
      return c.json(await services.jobs.cancel(job.id));
    },
  );
}

/** A job that one may see. What others do is not even said to be there. @throws BelayError JOB_NOT_FOUND */
async function visibleJob({ jobs }: Services, caller: Caller, id: string): Promise<Job> {
  const job = await jobs.get(id);
  const isVisible =
    job && mayUse(caller, job.database) && (isOwn(job, caller) || mayDo(caller, 'read'));
  if (isVisible) return job;
  throw new BelayError('JOB_NOT_FOUND', `no job is called ${JSON.stringify(id)}`, {
    hint: 'Ended jobs are kept for 90 days.',
  });
}

/** Ids are the server's own and stand last, so no name can look like one. */
const isOwn = ({ requestedBy }: Job, { id }: Caller): boolean => requestedBy.endsWith(`(${id})`);

const eventsQuery = z.strictObject({ after: z.coerce.number().int().min(0).optional() });

function addEventsRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/jobs/{id}/events', scope: 'any', tag },
      summary: 'What happens in a job, as server-sent events until it is over',
      description:
        'Events are `progress` and `state`; `data` is one event of the job, `id` its number. `Last-Event-ID`, or `after`, goes on from there.',
      params: place,
      query: eventsQuery,
      answers: {
        200: { description: 'The events', schema: z.string(), contentType: 'text/event-stream' },
      },
    },
    (request) => followJob(request),
  );
}

async function followJob({
  c,
  caller,
  params,
  query,
  services,
}: ApiRequest<z.output<typeof place>, z.output<typeof eventsQuery>>): Promise<Response> {
  const job = await visibleJob(services, caller, params.id);
  const last = c.req.header('last-event-id');
  if (last !== undefined && !/^\d{1,15}$/.test(last)) {
    throw new BelayError('BAD_REQUEST', 'Last-Event-ID is no number of an event');
  }
  const gone = new AbortController();
  const signal = AbortSignal.any([gone.signal, services.closing, c.req.raw.signal]);
  const after = last === undefined ? (query.after ?? 0) : Number(last);
  return eventStream(services.jobs.follow(job.id, after, signal), {
    abort: () => gone.abort(),
    onError: (error) =>
      signal.aborted || services.logger.warn({ err: error, job: job.id }, 'events of a job ended'),
  });
}
