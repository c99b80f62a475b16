import { z } from 'zod';
import { jobInputs } from '../../contract/job.js';
import { databaseNameSchema } from '../../contract/names.js';
import type { Api, RouteFacts } from '../http/api.js';
import { pageQuery } from '../http/read-input.js';
import { addRoute } from '../http/route.js';
import { runAsJob } from '../http/run-as-job.js';
import {
  branchListSchema,
  collectionSchema,
  createdBranchSchema,
  deletedBranchSchema,
  resetBranchSchema,
} from '../resources/branch.js';
import { pageOf } from '../resources/page.js';

const tag = 'Branches';
const { name: nameSchema } = jobInputs['branch-reset'].shape;
const { confirm: confirmSchema } = jobInputs['branch-delete'].shape;

const ofBranch = {
  params: z.strictObject({ database: databaseNameSchema, name: nameSchema }),
  ...{ database: 'path', tag, beginsJob: true },
} as const satisfies Partial<RouteFacts>;

/** Writable databases that start from a snapshot: `belay branch`. */
export function addBranchRoutes(api: Api): void {
  addBranchList(api);
  addBranchMaking(api);
  addBranchRemoving(api);
}

function addBranchList(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/branches', scope: 'read', database: 'query', tag },
      summary: 'The branches of a database',
      query: z.strictObject({ database: databaseNameSchema, ...pageQuery }),
      answers: { 200: { description: 'Oldest first', schema: branchListSchema } },
    },
    async ({ c, services, query }) => {
      const { branches, at, problem } = await services.inventories.read(query.database);
      const { items, next } = pageOf(branches, query, ({ name }) => name);
      return c.json({ branches: items, next, at, problem });
    },
  );
}

function addBranchMaking(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/branches', scope: 'restore', database: 'body', tag },
      summary: 'Make a branch, from what is live or from a snapshot',
      body: z.strictObject({ database: databaseNameSchema, ...jobInputs['branch-create'].shape }),
      answers: { 200: { description: 'The branch', schema: createdBranchSchema } },
      beginsJob: true,
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'branch-create', input });
    },
  );
  addRoute(
    api,
    {
      ...{ ...ofBranch, method: 'post', path: '/api/branches/{database}/{name}/reset' },
      ...{ scope: 'restore', summary: 'Put a branch back to what it started from' },
      body: z.strictObject({}),
      answers: { 200: { description: 'It is reset', schema: resetBranchSchema } },
    },
    (request) => {
      const { database, name } = request.params;
      return runAsJob(request, { database, type: 'branch-reset', input: { name } });
    },
  );
}

function addBranchRemoving(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...ofBranch, method: 'delete', path: '/api/branches/{database}/{name}' },
      ...{ scope: 'admin', summary: 'Remove a branch, with its rows and its own snapshots' },
      query: z.strictObject({ confirm: confirmSchema }),
      answers: { 200: { description: 'It is gone', schema: deletedBranchSchema } },
    },
    (request) => {
      const { database, name } = request.params;
      const { confirm } = request.query;
      return runAsJob(request, { database, type: 'branch-delete', input: { name, confirm } });
    },
  );
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/branches/gc', scope: 'admin', database: 'body', tag },
      summary: 'Remove branches that are no longer needed',
      description:
        'Those that have expired, were merged, or are over the quota. `dryRun` only says.',
      body: z.strictObject({ database: databaseNameSchema, ...jobInputs['branch-gc'].shape }),
      answers: { 200: { description: 'What went and what stayed', schema: collectionSchema } },
      beginsJob: true,
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'branch-gc', input });
    },
  );
}
