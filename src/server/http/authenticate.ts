import { timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';
import type { Caller } from '../../contract/caller.js';
import { allows, type Scope } from '../../contract/scope.js';
import { BelayError } from '../../errors.js';
import type { Services } from '../services.js';
import { type ApiEnv, headerOf, type RouteScope } from './api.js';
import { readSessionCookie } from './session-cookie.js';

const harmless = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Who asks: by a token, else by the session's cookie, which wants the header `x-csrf-token` with everything that changes
 * something.
 * @throws BelayError UNAUTHENTICATED, FORBIDDEN for a page without the header
 */
export async function authenticate(c: Context<ApiEnv>, services: Services): Promise<Caller> {
  const header = headerOf(c, 'authorization');
  const caller =
    header === undefined
      ? await callerOfSession(c, services)
      : ((await callerOfHeader(header, services)) ?? refuseToken());
  c.set('caller', caller);
  return caller;
}

/** @returns undefined where there is no token, or a wrong one */
function callerOfHeader(
  header: string,
  { access }: Services,
): Promise<Caller | undefined> | undefined {
  const token = /^Bearer +([\x21-\x7e]{1,500})$/i.exec(header)?.[1];
  return token === undefined ? undefined : access.callerOfToken(token);
}

function refuseToken(): never {
  throw unauthenticated('the token is wrong, expired or revoked');
}

async function callerOfSession(c: Context<ApiEnv>, services: Services): Promise<Caller> {
  const secret = readSessionCookie(c, services);
  if (secret === undefined) throw unauthenticated('no token was given, and nobody is signed in');
  const session = await services.access.sessionOf(secret);
  if (!session) throw unauthenticated('the session is over');
  if (!harmless.includes(c.req.method) && !isEqual(c.req.header('x-csrf-token'), session.csrf)) {
    throw new BelayError('FORBIDDEN', 'the header x-csrf-token is missing or wrong', {
      hint: 'Reload the page. Scripts use a token: `Authorization: Bearer …`.',
    });
  }
  return session.caller;
}

function unauthenticated(message: string): BelayError {
  return new BelayError('UNAUTHENTICATED', message, {
    hint: 'Send `Authorization: Bearer TOKEN` with a token of `belay token create`, or sign in.',
  });
}

function isEqual(given: string | undefined, wanted: string): boolean {
  const a = Buffer.from(given ?? '');
  const b = Buffer.from(wanted);
  return a.length === b.length && timingSafeEqual(a, b);
}

/** @throws BelayError FORBIDDEN */
export function checkScope(caller: Caller, scope: RouteScope): void {
  if (scope === 'open') return;
  const isAgent = caller.kind === 'agent';
  const isAllowed =
    scope === 'agent' || isAgent
      ? scope === 'agent' && isAgent
      : scope === 'any' || allows(caller.scopes, scope);
  if (isAllowed) return;
  const needed = scope === 'any' ? 'a token that is not an agent’s' : `the scope "${scope}"`;
  throw new BelayError(
    'FORBIDDEN',
    `this needs ${scope === 'agent' ? 'an agent’s token' : needed}`,
    {
      hint:
        scope === 'agent'
          ? 'Make one with `belay token create --agent`.'
          : 'Ask an administrator for a token with it.',
    },
  );
}

/** Whether the caller may do what needs a scope. */
export function mayDo(caller: Caller, scope: Scope): boolean {
  return caller.kind !== 'agent' && allows(caller.scopes, scope);
}

/** Whether the caller may see and use a database. */
export function mayUse(caller: Caller, database: string): boolean {
  return caller.databases === null || caller.databases.includes(database);
}

/** @throws BelayError FORBIDDEN */
export function checkDatabase(caller: Caller, database: string): void {
  if (mayUse(caller, database)) return;
  // No word about whether there is such a database.
  throw new BelayError('FORBIDDEN', `not allowed to use the database "${database}"`, {
    hint: 'Ask an administrator for a token that is bound to it.',
  });
}
