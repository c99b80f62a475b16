import { z } from 'zod';
import { jobInputs } from '../../contract/job.js';
import { databaseNameSchema } from '../../contract/names.js';
import type { Api } from '../http/api.js';
import { addRoute } from '../http/route.js';
import { runAsJob } from '../http/run-as-job.js';

const database = databaseNameSchema;
const done = (description: string) => ({ 200: { description, schema: z.looseObject({}) } });
const confirmed =
  'On production, `confirm` has to be the registered name of the database: it is what people type before something is replaced.';

export function addRestoreRoutes(api: Api): void {
  addPreviewRoute(api);
  addRestoreRoute(api);
  addSwitchRoute(api);
  addUndoRoute(api);
}

function addPreviewRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/restores/preview', scope: 'restore', database: 'body' },
      tag: 'Restores',
      summary: 'What a restore would replace, measured now; nothing is changed',
      body: jobInputs['restore-preview'].extend({ database }),
      beginsJob: true,
      answers: done('What would be replaced'),
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'restore-preview', input });
    },
  );
}

function addRestoreRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/restores', scope: 'restore', database: 'body' },
      tag: 'Restores',
      summary: 'Restore a snapshot in place, into a new database, or some of its tables',
      description: confirmed,
      body: jobInputs.restore.extend({ database }),
      beginsJob: true,
      answers: done('What was restored'),
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'restore', input });
    },
  );
}

function addSwitchRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/switches', scope: 'restore', database: 'body' },
      tag: 'Restores',
      summary: 'Switch to a snapshot; `save` keeps the present state under a tag',
      description: confirmed,
      body: jobInputs.switch.extend({ database }),
      beginsJob: true,
      answers: done('What was switched'),
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'switch', input });
    },
  );
}

function addUndoRoute(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path: '/api/undos', scope: 'restore', database: 'body' },
      tag: 'Restores',
      summary: 'Bring back the state before the last restore, switch or undo',
      description: confirmed,
      body: jobInputs.undo.extend({ database }),
      beginsJob: true,
      answers: done('What came back'),
    },
    (request) => {
      const { database, ...input } = request.body;
      return runAsJob(request, { database, type: 'undo', input });
    },
  );
}
