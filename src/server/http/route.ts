import type { Context } from 'hono';
import { z } from 'zod';
import type { Caller } from '../../contract/caller.js';
import { BelayError } from '../../errors.js';
import type { Services } from '../services.js';
import {
  type Answer,
  type Api,
  type ApiEnv,
  headerOf,
  type Method,
  type RouteFacts,
  type RouteScope,
} from './api.js';
import { authenticate, checkDatabase, checkScope } from './authenticate.js';
import { checkTexts, parseWith, queryFlag, readBody, readQuery } from './read-input.js';

type Nothing = z.ZodObject<Record<never, never>>;

export interface RouteDefinition<
  Params extends z.ZodObject = Nothing,
  Query extends z.ZodObject = Nothing,
  Body extends z.ZodType = Nothing,
> extends Omit<RouteFacts, 'params' | 'query' | 'body'> {
  readonly method: Method;
  readonly scope: RouteScope;
  readonly params?: Params;
  readonly query?: Query;
  /** Strict: a field that is not known is refused. */
  readonly body?: Body;
  readonly answers: Readonly<Record<number, Answer>>;
}

/** A request whose caller may make it and whose input is what the route takes. */
export interface ApiRequest<Params = unknown, Query = unknown, Body = unknown> {
  readonly c: Context<ApiEnv>;
  readonly services: Services;
  /** Of an "open" route: nobody. */
  readonly caller: Caller;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** `?async=true` or `Prefer: respond-async`. */
  readonly isAsync: boolean;
}

const noQuery = z.strictObject({});

/** For routes that are open to everybody: may do nothing. */
const nobody: Caller = { kind: 'token', id: '-', name: '-', scopes: [], databases: [] };

/**
 * Adds a route. Who calls, what the caller may do, the database that it is bound to and all input are checked here, once for
 * all routes; the handler gets what is left.
 *
 * @example
 * addRoute(
 *   api,
 *   {
 *     method: 'get',
 *     path: '/api/branches',
 *     scope: 'read',
 *     database: 'query',
 *     tag: 'Branches',
 *     summary: 'The branches of a database',
 *     query: z.strictObject({ database: databaseNameSchema }),
 *     answers: { 200: { description: 'All branches', schema: branchesSchema } },
 *   },
 *   async ({ c, query, services }) => c.json(await …),
 * );
 */
export function addRoute<
  Params extends z.ZodObject = Nothing,
  Query extends z.ZodObject = Nothing,
  Body extends z.ZodType = Nothing,
>(
  api: Api,
  definition: RouteDefinition<Params, Query, Body>,
  handler: (
    request: ApiRequest<z.output<Params>, z.output<Query>, z.output<Body>>,
  ) => Promise<Response> | Response,
): void {
  const { services } = api;
  const { method, path, scope } = definition;
  const read = inputReader(definition);
  api.routes.push(definition);
  api.app.on(method.toUpperCase(), path.replaceAll(/\{(\w+)\}/g, ':$1'), async (c) => {
    c.set('routePath', path);
    const caller = scope === 'open' ? nobody : await authenticate(c, services);
    checkScope(caller, scope);
    const input = read(c);
    if (definition.body) input.body = parseWith(definition.body, await readBody(c), 'body');
    const database = definition.database && nameOf(input, definition.database);
    if (database !== undefined) checkDatabase(caller, database);
    return handler({ c, services, caller, ...input } as never);
  });
}

interface Input {
  readonly params: unknown;
  readonly query: unknown;
  /** Read last: who may not call, or calls wrongly, need not send it. */
  body: unknown;
  readonly isAsync: boolean;
}

const mostRemembered = 500;
const longestRemembered = 200;

/** Everything but the body. What a query means is remembered: the same few come again and again. */
function inputReader(facts: RouteFacts): (c: Context<ApiEnv>) => Input {
  const { params } = facts;
  const remembered = new Map<string, Omit<Input, 'params' | 'body'>>();
  return (c) => {
    const given = params ? c.req.param() : {};
    checkTexts(given);
    const path = params ? parseWith(params, given, 'path') : {};
    const start = c.req.url.indexOf('?');
    const text = start < 0 ? '' : c.req.url.slice(start);
    let meant = facts.beginsJob ? undefined : remembered.get(text);
    if (!meant) {
      meant = readMeaning(c, facts);
      Object.freeze(meant.query);
      if (remembered.size >= mostRemembered) remembered.clear();
      if (text.length <= longestRemembered) remembered.set(text, meant);
    }
    return { params: path, query: meant.query, body: {}, isAsync: meant.isAsync };
  };
}

function readMeaning(
  c: Context<ApiEnv>,
  { query, beginsJob }: RouteFacts,
): Omit<Input, 'params' | 'body'> {
  const { async, ...rest } = readQuery(c) as Record<string, string>;
  if (async !== undefined && !beginsJob) {
    throw new BelayError(
      'BAD_REQUEST',
      'the query is not what it should be: nothing is called "async"',
    );
  }
  const isAsync =
    (async !== undefined && parseWith(queryFlag, async, 'query')) ||
    (beginsJob === true && /(^|,)\s*respond-async\s*(,|;|$)/i.test(headerOf(c, 'prefer') ?? ''));
  return {
    query: query ? parseWith(query, rest, 'query') : parseWith(noQuery, rest, 'query'),
    isAsync,
  };
}

function nameOf(input: Input, where: 'path' | 'query' | 'body'): string | undefined {
  const source = where === 'path' ? input.params : input[where];
  return (source as { readonly database?: string }).database;
}
