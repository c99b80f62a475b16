import { z } from 'zod';
import { databaseNameSchema } from '../../contract/names.js';
import type { Api } from '../http/api.js';
import { addRoute } from '../http/route.js';
import { versionGraphSchema } from '../resources/version.js';

/** The recorded versions of a schema and how they follow one another. */
export function addVersionRoutes(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'get', path: '/api/versions', scope: 'read', database: 'query', tag: 'Schema' },
      summary: 'The versions of a database’s schema, as a graph',
      description: 'Whole, since a part of a graph is none. Empty where no history is kept.',
      query: z.strictObject({ database: databaseNameSchema }),
      answers: { 200: { description: 'Each after its parents', schema: versionGraphSchema } },
    },
    async ({ c, services, query }) => {
      const { versions, at, problem } = await services.inventories.read(query.database);
      const current = versions.find(({ isCurrent }) => isCurrent)?.id ?? null;
      return c.json({ versions, current, at, problem });
    },
  );
}
