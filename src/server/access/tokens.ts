import { timingSafeEqual } from 'node:crypto';
import type { Caller } from '../../contract/caller.js';
import type { Scope } from '../../contract/scope.js';
import { BelayError } from '../../errors.js';
import type { Catalog } from '../../jobs/catalog/catalog.js';
import type { NewToken, Token } from './access.js';
import { checkDatabases, checkLabel, checkScopes } from './rights.js';
import { hashSecret, isId, newToken, parseToken } from './token-text.js';

export interface TokenRow {
  readonly id: string;
  readonly name: string;
  readonly kind: Token['kind'];
  readonly scopes: readonly Scope[];
  readonly databases: readonly string[] | null;
  readonly created_at: Date;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
  readonly revoked_at: Date | null;
}

/** What is remembered of a token for a moment. */
export interface KnownToken {
  readonly hash: Buffer;
  readonly caller: Caller;
}

const columns =
  't.id, t.name, t.kind, t.scopes, t.databases, t.created_at, t.expires_at, t.last_used_at, t.revoked_at';
/** Of a row of tokens called t. */
export const isTokenGood =
  't.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp())';

/** @throws BelayError USAGE, BAD_TIME, BAD_NAME */
export async function createToken(
  catalog: Catalog,
  order: NewToken,
): Promise<{ readonly token: string; readonly record: Token }> {
  const { kind = 'token' } = order;
  const scopes = checkTokenScopes(order);
  const databases = checkDatabases(order.databases);
  const { id, token } = newToken();
  const name = checkLabel(
    order.name ?? (kind === 'agent' ? 'agent' : scopes.join('+')),
    'token',
    100,
  );
  const [row] = await catalog.query<TokenRow>(
    `INSERT INTO belay_server.tokens AS t (id, name, kind, secret_hash, scopes, databases, expires_at)
     VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${columns}`,
    [id, name, kind, hashSecret(token), scopes, databases, checkExpiry(order.expiresAt)],
    'making a token',
  );
  if (row === undefined) throw new BelayError('BUG', 'a token that was written was not there');
  return { token, record: toToken(row) };
}

/** Newest first, those that were revoked among them. */
export async function listTokens(catalog: Catalog): Promise<Token[]> {
  const rows = await catalog.query<TokenRow>(
    `SELECT ${columns} FROM belay_server.tokens t ORDER BY t.created_at DESC, t.id`,
    [],
    'listing tokens',
  );
  return rows.map(toToken);
}

/** @throws BelayError TOKEN_NOT_FOUND */
export async function revokeToken(catalog: Catalog, id: string): Promise<Token> {
  if (!isId('tok', id)) throw tokenNotFound();
  const [row] = await catalog.query<TokenRow>(
    `WITH t AS (
       UPDATE belay_server.tokens SET revoked_at = coalesce(revoked_at, clock_timestamp())
        WHERE id = $1 RETURNING *)
     SELECT ${columns}, pg_notify('belay_access', t.id) FROM t`,
    [id],
    'revoking a token',
  );
  if (row === undefined) throw tokenNotFound();
  return toToken(row);
}

/** Reads a token that was presented; the hash has still to be compared. */
export async function readToken(
  catalog: Catalog,
  id: string,
): Promise<{ readonly known: KnownToken; readonly leftMs: number } | undefined> {
  const [row] = await catalog.query<
    TokenRow & { readonly secret_hash: Buffer; readonly left_ms: number | null }
  >(
    `SELECT ${columns}, t.secret_hash,
            (extract(epoch FROM t.expires_at - clock_timestamp()) * 1000)::float8 AS left_ms
       FROM belay_server.tokens t WHERE t.id = $1 AND ${isTokenGood}`,
    [id],
    'checking a token',
  );
  if (row === undefined) return undefined;
  const caller = callerOfTokenRow(row);
  const leftMs = row.left_ms ?? Number.POSITIVE_INFINITY;
  return { known: { hash: row.secret_hash, caller }, leftMs };
}

/** Whether it is this token's text; takes the same time wherever the first wrong character is. */
export function isTokenText(known: KnownToken, text: string): boolean {
  return timingSafeEqual(hashSecret(text), known.hash);
}

/** @returns undefined where it is none, not good any more, or an agent's: those do not sign in */
export async function tokenForSession(
  catalog: Catalog,
  text: string,
): Promise<{ readonly id: string; readonly caller: Caller } | undefined> {
  const id = parseToken(text)?.id;
  const found = id === undefined ? undefined : await readToken(catalog, id);
  if (id === undefined || found === undefined || !isTokenText(found.known, text)) return undefined;
  return found.known.caller.kind === 'agent' ? undefined : { id, caller: found.known.caller };
}

/** At most once a minute, however many servers see it. */
export async function noteTokenUse(catalog: Catalog, id: string): Promise<void> {
  await catalog.query(
    `UPDATE belay_server.tokens SET last_used_at = clock_timestamp()
      WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < clock_timestamp() - interval '1 minute')`,
    [id],
    'noting the use of a token',
  );
}

export function callerOfTokenRow(
  row: Pick<TokenRow, 'id' | 'name' | 'kind' | 'scopes' | 'databases'>,
): Caller {
  const { id, name, kind, scopes, databases } = row;
  return { kind, id, name, scopes, databases };
}

function checkTokenScopes({ kind, scopes, databases }: NewToken): Scope[] {
  if (kind !== 'agent') return checkScopes(scopes);
  if (scopes.length > 0) {
    throw new BelayError('USAGE', 'an agent has no scopes: it takes jobs and reports them', {
      hint: 'Leave the scope out, or make a token that is not an agent’s.',
    });
  }
  if (databases !== undefined) return [];
  throw new BelayError('USAGE', 'an agent’s token is bound to the databases that it works on', {
    hint: 'Name them, e.g. `belay token create --agent --database shop`.',
  });
}

function checkExpiry(text: string | undefined): string | null {
  if (text === undefined) return null;
  const at = Date.parse(text);
  if (Number.isNaN(at) || !/^\d{4}-/.test(text)) {
    throw new BelayError('BAD_TIME', 'that is not a time at which a token can expire', {
      hint: 'Write it like 2027-01-31T12:00:00Z.',
    });
  }
  if (at > Date.now()) return new Date(at).toISOString();
  throw new BelayError('BAD_TIME', 'a token that has expired already is of no use', {
    hint: 'Name a time that is to come, or none.',
  });
}

function toToken(row: TokenRow): Token {
  const { id, name, kind, scopes, databases } = row;
  return {
    ...{ id, name, kind, scopes, databases },
    createdAt: new Date(row.created_at).toISOString(),
    expiresAt: toTime(row.expires_at),
    lastUsedAt: toTime(row.last_used_at),
    revokedAt: toTime(row.revoked_at),
  };
}

function tokenNotFound(): BelayError {
  return new BelayError('TOKEN_NOT_FOUND', 'there is no token with this id', {
    hint: '`belay token list` shows them: the id begins with tok_, and is not the token itself.',
  });
}

function toTime(at: Date | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
