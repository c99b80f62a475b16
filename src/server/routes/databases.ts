import { z } from 'zod';
import type { Caller } from '../../contract/caller.js';
import type { Inventory } from '../../contract/inventory.js';
import { databaseNameSchema, timeSchema } from '../../contract/names.js';
import { BelayError } from '../../errors.js';
import type { RegisteredDatabase } from '../../jobs/databases/databases.js';
import type { Api } from '../http/api.js';
import { mayDo, mayUse } from '../http/authenticate.js';
import { queryFlag } from '../http/read-input.js';
import { addRoute } from '../http/route.js';
import type { Services } from '../services.js';
import { inventorySoon } from '../timeline/known-inventories.js';
import { lastProven } from '../timeline/lean-snapshot.js';

const tag = 'Databases';
const environment = z.enum(['development', 'production']);
const url = z.string().min(1).max(4_000);
const store = z.string().min(1).max(1_000);

const registeredDatabaseSchema = z.looseObject({
  name: databaseNameSchema,
  kind: z.enum(['direct', 'agent']),
  environment,
  server: z.string().nullable(),
  database: z.string().nullable(),
  store: z.string().nullable(),
  source: z.enum(['config', 'api']),
  createdAt: timeSchema,
  agentSeenAt: timeSchema.nullable(),
});

const namedSchema = z.looseObject({ id: z.string(), tag: z.string() });

const statusSchema = z.looseObject({
  reachable: z.boolean(),
  /** Why the last look failed. */
  problem: z.looseObject({ code: z.string(), message: z.string() }).nullable(),
  sizeBytes: z.number().nullable(),
  serverVersion: z.number().nullable(),
  snapshots: z.int(),
  newest: z.looseObject({ tag: z.string(), createdAt: timeSchema }).nullable(),
  lastProven: z.looseObject({ tag: z.string(), at: timeSchema }).nullable(),
  basedOn: namedSchema.nullable(),
  undo: namedSchema.nullable(),
});

const place = z.strictObject({ database: databaseNameSchema });

export function addDatabaseRoutes(api: Api): void {
  addListRoute(api);
  addRegisterRoute(api);
  addOneRoute(api);
  addChangeRoute(api);
  addForgetRoute(api);
  addInventoryRoute(api);
}

function addListRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/databases', scope: 'any', tag },
      summary: 'The databases that the caller may use, with their state for those who may read',
      answers: {
        200: {
          description: 'All of them, by name',
          schema: z.looseObject({
            databases: z.array(
              registeredDatabaseSchema.extend({ status: statusSchema.optional() }),
            ),
          }),
        },
      },
    },
    async ({ c, caller, services }) => {
      const all = await services.databases.list();
      const mine = all.filter(({ name }) => mayUse(caller, name));
      return c.json({
        databases: await Promise.all(mine.map((one) => withStatus(services, caller, one))),
      });
    },
  );
}

async function withStatus(services: Services, caller: Caller, database: RegisteredDatabase) {
  if (!mayDo(caller, 'read')) return database;
  return { ...database, status: statusOf(await inventorySoon(services, database.name)) };
}

function statusOf(inventory: Inventory) {
  const { problem, sizeBytes, serverVersion, snapshots, basedOn, undo, at } = inventory;
  const [newest] = snapshots;
  return {
    ...{ reachable: problem === null, problem, at, sizeBytes, serverVersion },
    snapshots: snapshots.length,
    newest: newest ? { id: newest.id, tag: newest.tag, createdAt: newest.createdAt } : null,
    lastProven: lastProven(inventory),
    ...{ basedOn, undo },
  };
}

function addRegisterRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/databases', scope: 'admin', tag },
      summary: 'Register a database',
      description:
        '"direct": the server connects by `url`, which is sealed at rest and never shown again. "agent": only an agent beside it does.',
      body: z.strictObject({
        name: databaseNameSchema,
        kind: z.enum(['direct', 'agent']).optional(),
        url: url.optional(),
        environment: environment.optional(),
        store: store.optional(),
      }),
      answers: { 201: { description: 'Registered', schema: registeredDatabaseSchema } },
    },
    async ({ c, body, caller, services }) => {
      const { kind = 'direct' } = body;
      if (!mayUse(caller, body.name)) throw notBound(body.name);
      if ((kind === 'direct') !== (body.url !== undefined)) {
        throw new BelayError(
          'BAD_REQUEST',
          kind === 'direct' ? 'a direct database needs its url' : 'an agent’s database has no url',
          { hint: 'With kind "agent" only the agent knows how to connect.' },
        );
      }
      return c.json(await services.databases.add({ ...body, kind, source: 'api' }), 201);
    },
  );
}

function notBound(name: string): BelayError {
  return new BelayError(
    'FORBIDDEN',
    `not allowed to register "${name}": the token is bound to others`,
  );
}

function addOneRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/databases/{database}', scope: 'read', database: 'path', tag },
      summary: 'One database with its state',
      params: place,
      answers: {
        200: {
          description: 'The database',
          schema: registeredDatabaseSchema.extend({ status: statusSchema }),
        },
      },
    },
    async ({ c, caller, params, services }) =>
      c.json(await withStatus(services, caller, await registered(services, params.database))),
  );
}

async function registered({ databases }: Services, name: string): Promise<RegisteredDatabase> {
  const found = await databases.get(name);
  if (found) return found;
  throw new BelayError('DATABASE_NOT_REGISTERED', `no database is registered as "${name}"`);
}

function addChangeRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{
        method: 'patch',
        path: '/api/databases/{database}',
        scope: 'admin',
        database: 'path',
        tag,
      },
      summary: 'Change how a database is reached, its environment or its store',
      params: place,
      body: z.strictObject({
        url: url.optional(),
        environment: environment.optional(),
        store: store.optional(),
      }),
      answers: { 200: { description: 'As it is now', schema: registeredDatabaseSchema } },
    },
    async ({ c, body, params, services }) => {
      const changed = await services.databases.change(params.database, body);
      services.inventories.invalidate(params.database);
      return c.json(changed);
    },
  );
}

function addForgetRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{
        method: 'delete',
        path: '/api/databases/{database}',
        scope: 'admin',
        database: 'path',
        tag,
      },
      summary: 'Forget a database; it and its snapshots and archives stay as they are',
      params: place,
      answers: { 204: { description: 'Forgotten' } },
    },
    async ({ c, params, services }) => {
      await services.databases.remove(params.database);
      return c.body(null, 204);
    },
  );
}

function addInventoryRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/databases/{database}/inventory', scope: 'read', tag },
      database: 'path',
      summary: 'What the server knows of a database, but for its snapshots and ledger',
      params: place,
      query: z.strictObject({ fresh: queryFlag.optional() }),
      answers: {
        200: {
          description: 'As the last look found it; `fresh=true` looks anew',
          schema: z.looseObject({
            database: databaseNameSchema,
            at: timeSchema,
            branches: z.array(z.looseObject({ name: z.string() })),
            versions: z.array(z.looseObject({})),
          }),
        },
      },
    },
    async ({ c, params, query, services }) => {
      const { snapshots, ledger, ...rest } = await services.inventories.read(
        params.database,
        query.fresh ? 0 : undefined,
      );
      return c.json(rest);
    },
  );
}
