import { z } from 'zod';
import { databaseNameSchema, textSchema } from '../../contract/names.js';
import { scopeSchema } from '../../contract/scope.js';
import { BelayError } from '../../errors.js';
import type { Token } from '../access/access.js';
import type { Api } from '../http/api.js';
import { pageQuery } from '../http/read-input.js';
import { addRoute } from '../http/route.js';
import { displayNameSchema, tokenSchema } from '../resources/caller.js';
import { checkGrant, isWithin } from '../resources/granting.js';
import { nextSchema, pageOf } from '../resources/page.js';

const path = '/api/tokens';
const common = { scope: 'admin', tag: 'Tokens' } as const;

const newTokenSchema = z.strictObject({
  name: displayNameSchema.optional(),
  scopes: z.array(scopeSchema).max(4).default([]),
  databases: z.array(databaseNameSchema).min(1).max(1_000).optional(),
  expiresAt: z.iso.datetime({ offset: true }).optional(),
  kind: z.enum(['token', 'agent']).optional(),
});

/** What scripts, assistants and agents call with. */
export function addTokenRoutes(api: Api): void {
  addTokenList(api);
  addTokenMaking(api);
  addRoute(
    api,
    {
      ...{ ...common, method: 'delete', path: `${path}/{id}` },
      summary: 'Revoke a token: within seconds nobody can use it',
      params: z.strictObject({ id: textSchema(1, 100) }),
      answers: { 200: { description: 'The revoked token', schema: tokenSchema } },
    },
    async ({ c, caller, services: { access }, params: { id } }) => {
      await requireToken(await access.listTokens(), id, (token) =>
        isWithin(caller, token.databases),
      );
      return c.json(await access.revokeToken(id));
    },
  );
}

function addTokenList(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...common, method: 'get', path, summary: 'All tokens, without their secrets' },
      query: z.strictObject(pageQuery),
      answers: {
        200: {
          description: 'Revoked and expired ones too',
          schema: z.object({ tokens: z.array(tokenSchema), next: nextSchema }),
        },
      },
    },
    async ({ c, caller, services, query }) => {
      const all = await services.access.listTokens();
      const visible = all.filter(({ databases }) => isWithin(caller, databases));
      const { items, next } = pageOf(visible, query, ({ id }) => id);
      return c.json({ tokens: items, next });
    },
  );
}

function addTokenMaking(api: Api): void {
  addRoute(
    api,
    {
      ...{ ...common, method: 'post', path, summary: 'Make a token' },
      description: 'The token itself is in this answer and nowhere else: only its hash is kept.',
      body: newTokenSchema,
      answers: {
        201: {
          description: 'The token, shown once',
          schema: z.object({ token: z.string(), record: tokenSchema }),
        },
      },
    },
    async ({ c, caller, services, body }) => {
      checkGrant(caller, body.databases);
      checkTimes(body.expiresAt);
      checkScopes(body.kind, body.scopes);
      return c.json(await services.access.createToken(body), 201);
    },
  );
}

function requireToken(
  tokens: readonly Token[],
  id: string,
  isVisible: (token: Token) => boolean,
): Token {
  const token = tokens.find((one) => one.id === id);
  if (token && isVisible(token)) return token;
  throw new BelayError('TOKEN_NOT_FOUND', `there is no token ${JSON.stringify(id)}`, {
    hint: 'See `belay token list`, or GET /api/tokens.',
  });
}

function checkTimes(expiresAt: string | undefined): void {
  if (expiresAt === undefined || Date.parse(expiresAt) > Date.now()) return;
  throw new BelayError('BAD_TIME', 'the token would have expired already', {
    hint: 'Give a time to come in `expiresAt`, or leave it out.',
  });
}

function checkScopes(kind: 'token' | 'agent' | undefined, scopes: readonly string[]): void {
  if ((kind === 'agent') === (scopes.length === 0)) return;
  const message =
    kind === 'agent' ? 'an agent’s token has no scopes' : 'a token without a scope may do nothing';
  throw new BelayError('BAD_REQUEST', message, {
    hint: 'Give `scopes` to a token, and none to one of the kind "agent".',
  });
}
