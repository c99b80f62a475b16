import { z } from 'zod';
import { jobSchema } from '../../contract/job.js';
import { problemSchema } from '../../contract/problem.js';
import type { Answer, RouteFacts } from './api.js';

type Json = Record<string, unknown>;

/** Schemas that many routes share get a name in the document. */
const named = new Map<z.ZodType, string>([
  [problemSchema, 'Problem'],
  [jobSchema, 'Job'],
]);

/** The OpenAPI 3.1 document of the routes, from the same schemas that check requests. */
export function describeApi(routes: readonly RouteFacts[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = paths[route.path] ?? {};
    path[route.method] = describeOperation(route);
    paths[route.path] = path;
  }
  const schemas = Object.fromEntries(
    [...named].map(([schema, name]) => [name, toJson(schema, 'output', false)]),
  );
  return {
    openapi: '3.1.0',
    info: {
      title: 'Belay',
      version,
      description:
        'A safety rope for PostgreSQL databases: proven checkpoints, snapshots, restore and undo, migrations. Errors are problem+json with the codes of the command line.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    security: [{ token: [] }, { session: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'Of `belay token create`.' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'belay',
          description: 'Of POST /api/session.',
        },
      },
    },
  };
}

function describeOperation(route: RouteFacts): Json {
  const { method, path, scope, tag, summary, description, params, query, body, beginsJob } = route;
  return {
    operationId: `${method}${path.replaceAll(/[/{}.-]+(\w?)/g, (_all, next: string) => next.toUpperCase())}`,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    'x-belay-scope': scope,
    ...(route.database === undefined ? {} : { 'x-belay-database': route.database }),
    ...(scope === 'open' ? { security: [] } : {}),
    parameters: [
      ...describeParameters(params, 'path'),
      ...describeParameters(query, 'query'),
      ...(beginsJob ? jobParameters(method) : []),
    ],
    ...(body === undefined ? {} : { requestBody: describeBody(body) }),
    responses: describeAnswers(route),
  };
}

function describeParameters(schema: z.ZodObject | undefined, where: 'path' | 'query'): Json[] {
  return Object.entries(schema?.shape ?? {}).map(([name, one]) => ({
    name,
    in: where,
    required: where === 'path' || !(one as z.ZodType).safeParse(undefined).success,
    schema: toJson(one as z.ZodType, 'input'),
  }));
}

function jobParameters(method: string): Json[] {
  const text = { type: 'string' };
  return [
    {
      ...{ name: 'async', in: 'query', schema: { type: 'string', enum: ['true', 'false'] } },
      description: 'true: answer 202 with the job at once.',
    },
    {
      ...{ name: 'Prefer', in: 'header', schema: text },
      description: '`respond-async`: the same.',
    },
    ...(method === 'post'
      ? [
          {
            ...{ name: 'Idempotency-Key', in: 'header' },
            schema: { type: 'string', minLength: 1, maxLength: 255 },
            description: 'A request with the same key begins nothing new for 24 hours.',
          },
        ]
      : []),
  ];
}

function describeBody(body: z.ZodType): Json {
  return {
    required: !body.safeParse({}).success,
    content: { 'application/json': { schema: toJson(body, 'input') } },
  };
}

const problem = (description: string): Json => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

function describeAnswers({ answers, scope, beginsJob }: RouteFacts): Json {
  const described: Json = {};
  for (const [status, answer] of Object.entries(answers))
    described[status] = describeAnswer(answer);
  if (beginsJob) {
    described['202'] = {
      description: 'Accepted: the job, which `Location` leads to.',
      headers: { Location: { schema: { type: 'string' } } },
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Job' } } },
    };
  }
  if (scope !== 'open') {
    described['401'] = problem('No token, or one that is wrong, expired or revoked.');
    described['403'] = problem('Out of the caller’s scope, or another database.');
  }
  described.default = problem('What went wrong, with the code of the command line.');
  return described;
}

function describeAnswer({ description, schema, contentType = 'application/json' }: Answer): Json {
  if (schema === undefined) return { description };
  return { description, content: { [contentType]: { schema: toJson(schema, 'output') } } };
}

function toJson(schema: z.ZodType, io: 'input' | 'output', byName = true): Json {
  const name = byName ? named.get(schema) : undefined;
  if (name !== undefined) return { $ref: `#/components/schemas/${name}` };
  const { $schema, ...json } = z.toJSONSchema(schema, {
    io,
    target: 'draft-2020-12',
    unrepresentable: 'any',
    reused: 'inline',
    override: ({ jsonSchema }) => {
      // A result may hold more with every version: what reads it must not refuse that.
      if (io === 'output' && jsonSchema.additionalProperties === false) {
        delete jsonSchema.additionalProperties;
      }
    },
  });
  return json;
}
