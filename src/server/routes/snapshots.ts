import { z } from 'zod';
import { jobInputs } from '../../contract/job.js';
import {
  databaseNameSchema,
  referenceSchema,
  tagSchema,
  timeSchema,
} from '../../contract/names.js';
import { resolveReference } from '../../domain/reference.js';
import type { Api } from '../http/api.js';
import { pageQuery } from '../http/read-input.js';
import { type ApiRequest, addRoute } from '../http/route.js';
import { runAsJob } from '../http/run-as-job.js';
import { knownInventories } from '../timeline/known-inventories.js';
import { PageCache } from '../timeline/page-cache.js';
import { timelinePage } from '../timeline/timeline-page.js';

const tag = 'Snapshots';

const snapshotSchema = z.looseObject({
  id: z.string(),
  tag: z.string(),
  description: z.string(),
  createdAt: timeSchema,
  reason: z.string(),
  git: z.looseObject({ branch: z.string().nullable(), commit: z.string() }).nullable(),
  copies: z.array(z.looseObject({ type: z.enum(['clone', 'archive']) })),
  fingerprint: z.looseObject({ tables: z.number(), rows: z.number() }).nullable(),
  sizeBytes: z.number(),
  protectedUntil: timeSchema.nullable(),
});

const timelineSchema = z.looseObject({
  snapshots: z.array(snapshotSchema.extend({ database: z.string() })),
  /** By registered name: what the live database is based on, and what undo would bring back. */
  current: z.record(z.string(), z.looseObject({})),
  next: z.string().nullable(),
});

const place = z.strictObject({ database: databaseNameSchema, ref: referenceSchema });

export function addSnapshotRoutes(api: Api): void {
  addTimelineRoute(api);
  addSnapshotRoute(api);
  addTakeRoute(api);
  addChangeRoute(api);
  addDeleteRoute(api);
}

const listHeaders = { 'content-type': 'application/json' };

function addTimelineRoute(api: Api): void {
  const pages = new PageCache();
  addRoute(
    api,
    {
      method: 'get',
      path: '/api/snapshots',
      scope: 'read',
      database: 'query',
      tag,
      summary: 'The timeline, newest first',
      description:
        'Of one database, or of all that the caller may see. `q` looks in tag, description, commit and git branch.',
      query: z.strictObject({
        database: databaseNameSchema.optional(),
        q: z.string().min(1).max(200).optional(),
        from: timeSchema.max(40).optional(),
        to: timeSchema.max(40).optional(),
        ...pageQuery,
      }),
      answers: { 200: { description: 'A page of snapshots', schema: timelineSchema } },
    },
    async ({ c, caller, query, services }) => {
      const { database } = query;
      const inventories =
        database === undefined
          ? await knownInventories(services, caller)
          : [await services.inventories.read(database)];
      const who = database === undefined ? (caller.databases?.join() ?? '*') : '';
      const asked = c.env.incoming.url ?? '';
      const body = pages.get(`${who} ${asked}`, inventories, () =>
        timelinePage(inventories, query),
      );
      // Straight to what the server writes: lists are asked for more often than all else.
      return new Response(body, { headers: listHeaders });
    },
  );
}

function addSnapshotRoute(api: Api): void {
  addRoute(
    api,
    {
      method: 'get',
      path: '/api/snapshots/{database}/{ref}',
      scope: 'read',
      database: 'path',
      tag,
      summary: 'One snapshot, whole',
      params: place,
      answers: { 200: { description: 'The snapshot', schema: snapshotSchema } },
    },
    async ({ c, params, services }) => {
      const { snapshots } = await services.inventories.read(params.database);
      return c.json(resolveReference(params.ref, snapshots));
    },
  );
}

function addTakeRoute(api: Api): void {
  addRoute(
    api,
    {
      method: 'post',
      path: '/api/snapshots',
      scope: 'checkpoint',
      database: 'body',
      tag,
      summary: 'Take a snapshot',
      body: jobInputs.snapshot.extend({ database: databaseNameSchema }),
      beginsJob: true,
      answers: { 200: { description: 'The snapshot', schema: snapshotSchema } },
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'snapshot', input });
    },
  );
}

const renameSchema = z.strictObject({ tag: tagSchema });
const protectSchema = z.strictObject({ protectedUntil: timeSchema.min(1).max(40).nullable() });

function addChangeRoute(api: Api): void {
  addRoute(
    api,
    {
      method: 'patch',
      path: '/api/snapshots/{database}/{ref}',
      scope: 'restore',
      database: 'path',
      tag,
      summary: 'Rename a snapshot, or protect it',
      description: '`protectedUntil`: a time, "forever", or null for no longer.',
      params: place,
      body: z.union([renameSchema, protectSchema]),
      beginsJob: true,
      answers: { 200: { description: 'The snapshot as it is now', schema: z.looseObject({}) } },
    },
    (request) => changeSnapshot(request),
  );
}

function changeSnapshot(
  request: ApiRequest<
    z.output<typeof place>,
    unknown,
    z.output<typeof renameSchema> | z.output<typeof protectSchema>
  >,
): Promise<Response> {
  const { database, ref: reference } = request.params;
  const { body } = request;
  if ('tag' in body) {
    return runAsJob(request, { database, type: 'rename', input: { reference, tag: body.tag } });
  }
  const until = body.protectedUntil;
  if (until === null)
    return runAsJob(request, { database, type: 'unprotect', input: { reference } });
  const input = until === 'forever' ? { reference } : { reference, until };
  return runAsJob(request, { database, type: 'protect', input });
}

function addDeleteRoute(api: Api): void {
  addRoute(
    api,
    {
      method: 'delete',
      path: '/api/snapshots/{database}/{ref}',
      scope: 'admin',
      database: 'path',
      tag,
      summary: 'Delete a snapshot with all its copies',
      description: 'On production, `confirm` has to be the registered name of the database.',
      params: place,
      query: z.strictObject({ confirm: z.string().max(63).optional() }),
      beginsJob: true,
      answers: { 200: { description: 'What was deleted', schema: z.looseObject({}) } },
    },
    (request) => {
      const { database, ref: reference } = request.params;
      const input = { reference, ...request.query };
      return runAsJob(request, { database, type: 'delete-snapshot', input });
    },
  );
}
