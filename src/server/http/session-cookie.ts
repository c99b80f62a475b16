import type { Context } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import type { Services } from '../services.js';
import type { ApiEnv } from './api.js';

type Place = Pick<Services, 'admission'>;

/** With the prefix a browser takes the cookie only from this very host over TLS. */
const nameOf = ({ admission }: Place): string => (admission.isHttps ? '__Host-belay' : 'belay');

const attributes = ({ admission }: Place) =>
  ({ path: '/', httpOnly: true, sameSite: 'Strict', secure: admission.isHttps }) as const;

/** The secret of the session that a page sent. */
export function readSessionCookie(c: Context<ApiEnv>, services: Place): string | undefined {
  return getCookie(c, nameOf(services)) || undefined;
}

/** @param expiresAt ISO 8601 */
export function setSessionCookie(
  c: Context<ApiEnv>,
  services: Place,
  { secret, expiresAt }: { readonly secret: string; readonly expiresAt: string },
): void {
  setCookie(c, nameOf(services), secret, { ...attributes(services), expires: new Date(expiresAt) });
}

export function clearSessionCookie(c: Context<ApiEnv>, services: Place): void {
  setCookie(c, nameOf(services), '', { ...attributes(services), maxAge: 0 });
}
