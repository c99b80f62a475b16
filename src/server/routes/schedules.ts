import { z } from 'zod';
import type { Caller } from '../../contract/caller.js';
import { jobSchema } from '../../contract/job.js';
import { databaseNameSchema, textSchema } from '../../contract/names.js';
import { BelayError } from '../../errors.js';
import type { Schedules } from '../../jobs/schedules/schedules.js';
import type { Api } from '../http/api.js';
import { checkDatabase, mayUse } from '../http/authenticate.js';
import { pageQuery } from '../http/read-input.js';
import { addRoute } from '../http/route.js';
import { jobAccepted } from '../http/run-as-job.js';
import { nextSchema, pageOf } from '../resources/page.js';
import { newScheduleSchema, scheduleChangeSchema, scheduleSchema } from '../resources/schedule.js';

const path = '/api/schedules';
const tag = 'Schedules';
const params = z.strictObject({ id: textSchema(1, 100) });
const ofOne = { scope: 'admin', tag, params } as const;

/** Work that is begun by the clock: checkpoints, retention, the monthly proof. */
export function addScheduleRoutes(api: Api): void {
  addScheduleList(api);
  addScheduleMaking(api);
  addScheduleChanges(api);
  addRoute(
    api,
    {
      ...{ ...ofOne, method: 'post', path: `${path}/{id}/run` },
      summary: 'Do it now as well',
      body: z.strictObject({}),
      answers: { 202: { description: 'The job that it became', schema: jobSchema } },
    },
    async ({ caller, services: { schedules }, params: { id } }) => {
      await requireSchedule(schedules, caller, id);
      return jobAccepted(await schedules.runNow(id));
    },
  );
}

function addScheduleList(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path, scope: 'read', tag, summary: 'What is done by the clock' },
      query: z.strictObject({ database: databaseNameSchema.optional(), ...pageQuery }),
      answers: {
        200: {
          description: 'By database and name',
          schema: z.object({ schedules: z.array(scheduleSchema), next: nextSchema }),
        },
      },
    },
    async ({ c, caller, services, query }) => {
      const { database } = query;
      if (database !== undefined) checkDatabase(caller, database);
      const names = database === undefined ? (caller.databases ?? undefined) : [database];
      const all = await services.schedules.list(names);
      const { items, next } = pageOf(all, query, ({ id }) => id);
      return c.json({ schedules: items, next });
    },
  );
}

function addScheduleMaking(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path, scope: 'admin', database: 'body', tag },
      summary: 'Do something by the clock',
      body: newScheduleSchema,
      answers: { 201: { description: 'With the time of its first run', schema: scheduleSchema } },
    },
    async ({ c, caller, services, body }) =>
      c.json(await services.schedules.create(body, caller), 201),
  );
}

function addScheduleChanges(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...ofOne, method: 'patch', path: `${path}/{id}`, summary: 'Change or pause a schedule' },
      body: scheduleChangeSchema,
      answers: { 200: { description: 'As it is now', schema: scheduleSchema } },
    },
    async ({ c, caller, services: { schedules }, params: { id }, body }) => {
      await requireSchedule(schedules, caller, id);
      return c.json(await schedules.change(id, body));
    },
  );
  addRoute(
    api,
    {
      ...{ ...ofOne, method: 'delete', path: `${path}/{id}`, summary: 'Remove a schedule' },
      answers: { 204: { description: 'Gone; what it made stays' } },
    },
    async ({ c, caller, services: { schedules }, params: { id } }) => {
      await requireSchedule(schedules, caller, id);
      await schedules.remove(id);
      return c.body(null, 204);
    },
  );
}

/** Those of databases that the caller may not use are not there for it. */
async function requireSchedule(schedules: Schedules, caller: Caller, id: string): Promise<void> {
  const schedule = await schedules.get(id);
  if (schedule && mayUse(caller, schedule.database)) return;
  throw new BelayError('SCHEDULE_NOT_FOUND', `there is no schedule ${JSON.stringify(id)}`, {
    hint: 'See GET /api/schedules.',
  });
}
