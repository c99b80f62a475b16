import { z } from 'zod';
import { textSchema } from '../../contract/names.js';
import type { Api } from '../http/api.js';
import { addRoute } from '../http/route.js';
import { clearSessionCookie, readSessionCookie, setSessionCookie } from '../http/session-cookie.js';
import { sessionSchema } from '../resources/caller.js';

const path = '/api/session';
const tag = 'Session';

/** Longer ones are no password of anybody's, and hashing them would be work for nothing. */
const secretSchema = textSchema(1, 1_024);

const credentialsSchema = z.union([
  z.strictObject({ name: textSchema(1, 100), password: secretSchema }),
  z.strictObject({ token: secretSchema }),
  z.strictObject({ code: secretSchema }),
]);

/** Signing in and out: for pages. Scripts send their token with each request. */
export function addSessionRoutes(api: Api): void {
  addSignIn(api);
  addRoute(
    api,
    {
      ...{ method: 'get', path, scope: 'any', tag, summary: 'Who is signed in' },
      answers: { 200: { description: 'The caller', schema: sessionSchema } },
    },
    async ({ c, caller, services }) => {
      const secret = c.req.header('authorization') ? undefined : readSessionCookie(c, services);
      const session = secret === undefined ? undefined : await services.access.sessionOf(secret);
      return c.json(session ?? { caller, csrf: null, expiresAt: null });
    },
  );
  addRoute(
    api,
    {
      ...{ method: 'delete', path, scope: 'any', tag, summary: 'Sign out' },
      answers: { 204: { description: 'The session is over' } },
    },
    async ({ c, services }) => {
      const secret = readSessionCookie(c, services);
      if (secret !== undefined) await services.access.signOut(secret);
      clearSessionCookie(c, services);
      return c.body(null, 204);
    },
  );
}

function addSignIn(api: Api): void {
  addRoute(
    api,
    {
      ...{ method: 'post', path, scope: 'open', tag, summary: 'Sign in' },
      description:
        'With a name and a password, a token, or the one-time code of the link that `belay serve` prints. Sets the cookie.',
      body: credentialsSchema,
      answers: { 200: { description: 'The caller', schema: sessionSchema } },
    },
    async ({ c, services, body }) => {
      const source = c.env.incoming?.socket.remoteAddress ?? 'unknown';
      const signedIn = await services.access.signIn(body, source);
      setSessionCookie(c, services, signedIn);
      const { secret: _secret, ...session } = signedIn;
      return c.json(session);
    },
  );
}
