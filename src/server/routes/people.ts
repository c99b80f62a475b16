import { z } from 'zod';
import { databaseNameSchema, textSchema } from '../../contract/names.js';
import { scopeSchema } from '../../contract/scope.js';
import { BelayError } from '../../errors.js';
import type { Access } from '../access/access.js';
import type { Api } from '../http/api.js';
import { pageQuery } from '../http/read-input.js';
import { type ApiRequest, addRoute } from '../http/route.js';
import { displayNameSchema, personSchema } from '../resources/caller.js';
import { checkGrant, isWithin } from '../resources/granting.js';
import { nextSchema, pageOf } from '../resources/page.js';

const path = '/api/people';
const common = { scope: 'admin', tag: 'People' } as const;
const passwordSchema = textSchema(12, 1_024).meta({ description: 'Kept as a hash alone' });
const params = z.strictObject({ id: textSchema(1, 100) });

/** Who signs in with a password. */
export function addPeopleRoutes(api: Api): void {
  addPeopleList(api);
  addPersonMaking(api);
  addRoute(
    api,
    {
      ...{ ...common, method: 'patch', path: `${path}/{id}`, params },
      summary: 'Set a password: ends the person’s sessions',
      body: z.strictObject({ password: passwordSchema }),
      answers: { 204: { description: 'It is set' } },
    },
    async ({ c, caller, services: { access }, params: { id }, body }) => {
      await requirePerson(access, caller, id);
      await access.setPassword(id, body.password);
      return c.body(null, 204);
    },
  );
  addRoute(
    api,
    {
      ...{ ...common, method: 'delete', path: `${path}/{id}`, params },
      summary: 'Remove a person: ends the sessions too',
      answers: { 204: { description: 'Gone' } },
    },
    async ({ c, caller, services: { access }, params: { id } }) => {
      await requirePerson(access, caller, id);
      await access.removePerson(id);
      return c.body(null, 204);
    },
  );
}

function addPeopleList(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...common, method: 'get', path, summary: 'All people' },
      query: z.strictObject(pageQuery),
      answers: {
        200: {
          description: 'Without their passwords, which nobody knows',
          schema: z.object({ people: z.array(personSchema), next: nextSchema }),
        },
      },
    },
    async ({ c, caller, services, query }) => {
      const all = await services.access.listPeople();
      const visible = all.filter(({ databases }) => isWithin(caller, databases));
      const { items, next } = pageOf(visible, query, ({ id }) => id);
      return c.json({ people: items, next });
    },
  );
}

function addPersonMaking(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...common, method: 'post', path, summary: 'Let somebody sign in' },
      body: z.strictObject({
        name: displayNameSchema,
        password: passwordSchema,
        scopes: z.array(scopeSchema).min(1).max(4),
        databases: z.array(databaseNameSchema).min(1).max(1_000).optional(),
      }),
      answers: { 201: { description: 'The person', schema: personSchema } },
    },
    async ({ c, caller, services, body }) => {
      checkGrant(caller, body.databases);
      return c.json(await services.access.createPerson(body), 201);
    },
  );
}

async function requirePerson(
  access: Access,
  caller: ApiRequest['caller'],
  id: string,
): Promise<void> {
  const person = (await access.listPeople()).find((one) => one.id === id);
  if (person && isWithin(caller, person.databases)) return;
  throw new BelayError('PERSON_NOT_FOUND', `there is no person ${JSON.stringify(id)}`, {
    hint: 'See `belay person list`, or GET /api/people.',
  });
}
