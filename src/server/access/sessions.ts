import { createHmac } from 'node:crypto';
import type { Caller } from '../../contract/caller.js';
import type { Scope } from '../../contract/scope.js';
import type { Catalog } from '../../jobs/catalog/catalog.js';
import type { SignedIn } from './access.js';
import { hashSecret, newSecret } from './token-text.js';
import { callerOfTokenRow, isTokenGood } from './tokens.js';

export type Session = Omit<SignedIn, 'secret'>;

/** Whose session it is; "code": nobody's in particular, with every right. */
export type SessionOwner = { readonly personId: string } | { readonly tokenId: string } | 'code';

interface SessionRow {
  readonly expires_at: Date;
  readonly left_ms: number;
  readonly is_seen_long_ago: boolean;
  readonly person_id: string | null;
  readonly token_id: string | null;
  readonly name: string | null;
  readonly scopes: readonly Scope[] | null;
  readonly databases: readonly string[] | null;
}

/** Whom a sign-in code lets in. */
export const firstPerson: Caller = {
  kind: 'person',
  id: 'per_first',
  name: 'first sign-in',
  scopes: ['admin'],
  databases: null,
};

const lifetime = `interval '12 hours'`;
const longestIdle = `interval '2 hours'`;

/** @returns undefined where the token has ended meanwhile, or the person has gone */
export async function createSession(
  catalog: Catalog,
  owner: SessionOwner,
  caller: Caller,
): Promise<SignedIn | undefined> {
  const secret = newSecret();
  const personId = owner !== 'code' && 'personId' in owner ? owner.personId : null;
  const tokenId = owner !== 'code' && 'tokenId' in owner ? owner.tokenId : null;
  const [row] = await catalog.query<{ readonly expires_at: Date }>(
    `INSERT INTO belay_server.sessions (secret_hash, person_id, token_id, expires_at)
     SELECT $1, $2::text, $3::text,
            least(clock_timestamp() + ${lifetime},
                  (SELECT t.expires_at FROM belay_server.tokens t WHERE t.id = $3))
      WHERE ($2::text IS NULL OR EXISTS (SELECT FROM belay_server.people p WHERE p.id = $2))
        AND ($3::text IS NULL
             OR EXISTS (SELECT FROM belay_server.tokens t WHERE t.id = $3 AND ${isTokenGood}))
     RETURNING expires_at`,
    [hashSecret(secret), personId, tokenId],
    'beginning a session',
  );
  if (row === undefined) return undefined;
  const expiresAt = new Date(row.expires_at).toISOString();
  return { caller, secret, csrf: csrfOf(secret), expiresAt };
}

/** Removes sessions and codes that are over. */
export async function cleanSessions(catalog: Catalog): Promise<void> {
  await catalog.query(
    `WITH codes AS (DELETE FROM belay_server.sign_in_codes WHERE expires_at <= clock_timestamp())
     DELETE FROM belay_server.sessions
      WHERE expires_at <= clock_timestamp() OR seen_at <= clock_timestamp() - ${longestIdle}`,
    [],
    'cleaning up sessions',
  );
}

/** Reads a session and notes, at most once a minute, that it is in use. */
export async function readSession(
  catalog: Catalog,
  secret: string,
): Promise<{ readonly session: Session; readonly leftMs: number } | undefined> {
  const hash = hashSecret(secret);
  const [row] = await catalog.query<SessionRow>(
    `SELECT s.expires_at, s.person_id, s.token_id,
            (extract(epoch FROM s.expires_at - clock_timestamp()) * 1000)::float8 AS left_ms,
            s.seen_at < clock_timestamp() - interval '1 minute' AS is_seen_long_ago,
            coalesce(p.name, t.name) AS name, coalesce(p.scopes, t.scopes) AS scopes,
            coalesce(p.databases, t.databases) AS databases
       FROM belay_server.sessions s
       LEFT JOIN belay_server.people p ON p.id = s.person_id
       LEFT JOIN belay_server.tokens t ON t.id = s.token_id
      WHERE s.secret_hash = $1 AND s.expires_at > clock_timestamp()
        AND s.seen_at > clock_timestamp() - ${longestIdle}
        AND (s.token_id IS NULL OR (${isTokenGood}))`,
    [hash],
    'checking a session',
  );
  if (row === undefined) return undefined;
  if (row.is_seen_long_ago) {
    const sql =
      'UPDATE belay_server.sessions SET seen_at = clock_timestamp() WHERE secret_hash = $1';
    await catalog.query(sql, [hash], 'noting the use of a session');
  }
  const expiresAt = new Date(row.expires_at).toISOString();
  const session = { caller: callerOf(row), csrf: csrfOf(secret), expiresAt };
  return { session, leftMs: row.left_ms };
}

export async function endSession(catalog: Catalog, secret: string): Promise<void> {
  await catalog.query(
    `WITH s AS (DELETE FROM belay_server.sessions WHERE secret_hash = $1 RETURNING 1)
     SELECT pg_notify('belay_access', 'session') FROM s`,
    [hashSecret(secret)],
    'ending a session',
  );
}

/** @returns whether the code was good; it is not any more */
export async function useSignInCode(catalog: Catalog, code: string): Promise<boolean> {
  const rows = await catalog.query<{ readonly is_good: boolean }>(
    `DELETE FROM belay_server.sign_in_codes WHERE code_hash = $1
     RETURNING expires_at > clock_timestamp() AS is_good`,
    [hashSecret(code)],
    'using a sign-in code',
  );
  return rows.some(({ is_good }) => is_good);
}

export async function createSignInCode(catalog: Catalog): Promise<string> {
  const code = newSecret();
  await catalog.query(
    `INSERT INTO belay_server.sign_in_codes (code_hash, expires_at)
     VALUES ($1, clock_timestamp() + interval '10 minutes')`,
    [hashSecret(code)],
    'making a sign-in code',
  );
  return code;
}

function callerOf({
  person_id: personId,
  token_id: tokenId,
  name,
  scopes,
  databases,
}: SessionRow): Caller {
  if (name === null || scopes === null) return firstPerson;
  if (tokenId !== null)
    return callerOfTokenRow({ id: tokenId, kind: 'token', name, scopes, databases });
  return { kind: 'person', id: personId ?? '', name, scopes, databases };
}

/** Follows from the secret, so that it need not be kept: who has only a copy of the catalog has neither. */
function csrfOf(secret: string): string {
  return createHmac('sha256', secret).update('belay csrf').digest('base64url');
}
