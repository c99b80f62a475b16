import { z } from 'zod';
import {
  agentClaimSchema,
  agentEventsSchema,
  agentFinishedSchema,
  agentFinishSchema,
  agentReleaseSchema,
  agentRenewalSchema,
  agentRenewedSchema,
  agentSchema,
  claimedJobSchema,
  inventorySchema,
  mostAgentBytes,
  mostInventoryBytes,
} from '../../contract/agent.js';
import type { Caller } from '../../contract/caller.js';
import type { Inventory } from '../../contract/inventory.js';
import type { JobError } from '../../contract/job.js';
import { databaseNameSchema, textSchema } from '../../contract/names.js';
import { BelayError, errorCatalog } from '../../errors.js';
import { claimFor } from '../../jobs/queue/claim-job.js';
import {
  finishJob,
  type Lease,
  releaseJob,
  renewLease,
  reportEvents,
} from '../../jobs/queue/leases.js';
import { requireAgentDatabases } from '../agents/agent-databases.js';
import { forgetAgents, listAgents, noteAgent } from '../agents/known-agents.js';
import type { Api } from '../http/api.js';
import { mayUse } from '../http/authenticate.js';
import { RequestRefused } from '../http/problem.js';
import { addRoute } from '../http/route.js';
import type { Services } from '../services.js';

const common = { scope: 'agent', tag: 'Agents' } as const;
const jobParams = z.strictObject({ id: textSchema(1, 100) });

/** Longer than a server's: an agent goes on while its server is started anew. */
const agentLeaseMs = 30_000;

/** What agents call: they take jobs, keep them, tell what happens, and end them. */
export function addAgentRoutes(api: Api): void {
  addClaim(api);
  addRenewal(api);
  addEvents(api);
  addFinish(api);
  addRelease(api);
  addInventory(api);
  addAgentList(api);
}

function addClaim(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...common, method: 'post', path: '/api/agent/claim' },
      summary: 'Take the next job of some databases, or wait for one',
      body: agentClaimSchema,
      answers: {
        200: {
          description: 'A job, which is the agent’s until its lease ends',
          schema: claimedJobSchema,
        },
        204: { description: 'None came within the time' },
      },
    },
    async ({ c, caller, services, body }) => {
      const { databases, name, version } = body;
      const environments = await requireAgentDatabases(services, caller, databases);
      await noteAgent(services.catalog, { token: caller.id, name, version, databases });
      const { catalog, closing } = services;
      const { signal } = c.req.raw;
      const job = await claimFor({
        ...{ catalog, databases, worker: `agent ${name}`, leaseMs: agentLeaseMs },
        ...{ waitMs: body.waitSeconds * 1_000, signal: AbortSignal.any([closing, signal]) },
      });
      if (!job) return c.body(null, 204);
      if (signal.aborted) {
        // Nobody is there any more to be given it.
        await releaseJob(catalog, job, agentIsGone(name));
        return c.body(null, 204);
      }
      const environment = environments.get(job.database) ?? 'production';
      return c.json({ ...job, environment });
    },
  );
}

const agentIsGone = (name: string): JobError => ({
  ...{ code: 'WORKER_LOST', kind: 'environment' },
  message: `the agent ${name} went away`,
  hint: 'Begin the job again when an agent runs.',
});

function addRenewal(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...common, method: 'post', path: '/api/agent/jobs/{id}/renew' },
      summary: 'Keep a job for another lease',
      params: jobParams,
      body: agentRenewalSchema,
      answers: {
        200: { description: 'Whether it is still the agent’s', schema: agentRenewedSchema },
      },
    },
    async ({ c, caller, services, params, body }) => {
      await requireOwnJob(services, caller, params.id);
      const answer = await renewLease(services.catalog, leaseOf(params.id, body));
      return c.json({ answer });
    },
  );
}

function addEvents(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...common, method: 'post', path: '/api/agent/jobs/{id}/events' },
      summary: 'Tell what a job has done since',
      params: jobParams,
      body: agentEventsSchema,
      answers: { 204: { description: 'Noted, or not: of a job that was lost nothing is' } },
    },
    async ({ c, caller, services, params, body }) => {
      checkSize(body, mostAgentBytes);
      await requireOwnJob(services, caller, params.id);
      await reportEvents(services.catalog, leaseOf(params.id, body), body.events as never);
      return c.body(null, 204);
    },
  );
}

function addFinish(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...common, method: 'post', path: '/api/agent/jobs/{id}/finish' },
      summary: 'End a job',
      params: jobParams,
      body: agentFinishSchema,
      answers: {
        200: { description: 'Not taken: the job was lost before', schema: agentFinishedSchema },
      },
    },
    async ({ c, caller, services, params, body }) => {
      checkSize(body, mostAgentBytes);
      const { outcome } = body;
      const database = await requireOwnJob(services, caller, params.id);
      const checked =
        outcome.state === 'failed' ? { ...outcome, error: knownError(outcome.error) } : outcome;
      const taken = await finishJob(services.catalog, leaseOf(params.id, body), checked);
      services.inventories.invalidate(database);
      return c.json({ taken });
    },
  );
}

function addRelease(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...common, method: 'post', path: '/api/agent/jobs/{id}/release' },
      summary: 'Give a job back unfinished',
      params: jobParams,
      body: agentReleaseSchema,
      answers: { 204: { description: 'Another agent may take it' } },
    },
    async ({ c, caller, services, params, body }) => {
      await requireOwnJob(services, caller, params.id);
      await releaseJob(services.catalog, leaseOf(params.id, body), knownError(body.error));
      return c.body(null, 204);
    },
  );
}

function addInventory(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...common, method: 'put', path: '/api/agent/inventory/{database}', database: 'path' },
      summary: 'Say what there is of a database: its timeline, branches, versions, sizes',
      params: z.strictObject({ database: databaseNameSchema }),
      body: inventorySchema,
      answers: { 204: { description: 'Kept' } },
    },
    async ({ c, caller, services, params: { database }, body }) => {
      checkSize(body, mostInventoryBytes);
      await requireAgentDatabases(services, caller, [database]);
      if (body.database !== database) {
        throw new BelayError('BAD_REQUEST', 'the inventory is of another database than its path');
      }
      await services.inventories.save(body as unknown as Inventory);
      return c.body(null, 204);
    },
  );
}

function addAgentList(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/agents', scope: 'read', tag: 'Agents' },
      summary: 'The agents that were heard in the last week, newest first',
      answers: {
        200: {
          description: 'With the databases that they serve',
          schema: z.object({ agents: z.array(agentSchema) }),
        },
      },
    },
    async ({ c, caller, services: { catalog } }) => {
      await forgetAgents(catalog);
      const agents = (await listAgents(catalog)).flatMap((agent) => {
        const databases = agent.databases.filter((name) => mayUse(caller, name));
        return databases.length === 0 ? [] : [{ ...agent, databases }];
      });
      return c.json({ agents });
    },
  );
}

/** A job of another's databases is none: nobody learns that it is there. @returns its database */
async function requireOwnJob({ jobs }: Services, caller: Caller, id: string): Promise<string> {
  const job = await jobs.get(id);
  if (job && mayUse(caller, job.database)) return job.database;
  throw new BelayError('JOB_NOT_FOUND', `there is no job ${id}`, {
    hint: 'It may be of a database that the token is not bound to.',
  });
}

const leaseOf = (id: string, { lease }: { readonly lease: string }): Lease => ({ id, lease });

/** What nobody knows cannot be looked up, and has no status. */
function knownError(error: JobError): JobError {
  const known = errorCatalog[error.code as keyof typeof errorCatalog];
  if (known && Object.hasOwn(errorCatalog, error.code)) return { ...error, kind: known.kind };
  return { ...error, code: 'AGENT_FAILED', kind: 'environment' };
}

function checkSize(body: unknown, most: number): void {
  if (Buffer.byteLength(JSON.stringify(body)) <= most) return;
  throw new RequestRefused('BAD_REQUEST', `an agent may send ${most} bytes at most`, {
    status: 413,
    hint: 'An agent of the same version cuts what is larger.',
  });
}
