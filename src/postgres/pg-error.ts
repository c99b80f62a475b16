import { BelayError, type ErrorCode, toBelayError } from '../errors.js';

/** What a thrown value says about itself, as far as `pg` and Node fill it in. */
interface RawError {
  readonly code?: string;
  readonly message?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly errors?: readonly RawError[];
}

/** SQLSTATEs by full code first, then by class (the first two characters). */
const bySqlState: Readonly<Record<string, { code: ErrorCode; hint?: string }>> = {
  '28': {
    code: 'AUTHENTICATION_FAILED',
    hint: 'Check user, password (PGPASSWORD, PGPASSFILE or the URL) and pg_hba.conf of the server.',
  },
  '3D000': { code: 'TARGET_NOT_FOUND', hint: 'Check the name of the database in the URL.' },
  '42501': { code: 'PERMISSION_DENIED' },
  '42P04': { code: 'DATABASE_EXISTS', hint: 'Choose another name.' },
  '53100': {
    code: 'DISK_FULL',
    hint: 'Nothing half-made was kept. Free space on the server, e.g. with `belay prune`, and run it again.',
  },
  '53300': { code: 'TOO_MANY_CONNECTIONS', hint: 'Belay needs up to four connections at once.' },
  '55006': { code: 'SESSIONS_IN_THE_WAY' },
  '55P03': { code: 'LOCK_TIMEOUT', hint: 'Something else holds a lock on it; run it again later.' },
  '57014': { code: 'CANCELED_BY_SERVER', hint: 'A statement_timeout, or somebody, ended it.' },
  '25006': { code: 'READ_ONLY_SERVER', hint: 'Point Belay at the primary, not at a standby.' },
  '57P01': { code: 'SERVER_GONE' },
  '57P02': { code: 'SERVER_GONE' },
  '57P03': { code: 'SERVER_UNREACHABLE', hint: 'The server is starting or stopping: try again.' },
  '08': { code: 'SERVER_GONE' },
};

const unreachableCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'EACCES',
]);
const goneCodes = new Set([
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** SQLSTATE of a PostgreSQL error, or undefined for anything else. */
export function sqlStateOf(error: unknown): string | undefined {
  const source = error instanceof BelayError ? error.details.sqlState : (error as RawError)?.code;
  return typeof source === 'string' && /^[0-9A-Z]{5}$/.test(source) ? source : undefined;
}

function goneError(raw: RawError, doing: string, cause: unknown): BelayError {
  return new BelayError(
    'SERVER_GONE',
    `lost the connection while ${doing}: ${raw.message ?? 'closed'}`,
    {
      hint: 'Your database is in its old or its new state, whole. When the server is back, `belay repair` cleans up.',
      cause,
    },
  );
}

/**
 * Turns an error of `pg` into a BelayError, by SQLSTATE or by Node's error code, never by text.
 * @param doing what was being attempted, as it reads after "while", e.g. `copying "shop"`
 */
export function mapPostgresError(error: unknown, doing: string): BelayError {
  if (error instanceof BelayError) return error;
  // Our own mistake in a call of the driver, not the server's end.
  if (error instanceof TypeError) return toBelayError(error);
  const raw = (error ?? {}) as RawError;
  const first = raw.errors?.[0] ?? raw;
  const code = first.code ?? raw.code;
  const sqlState = sqlStateOf(first);
  const known = sqlState ? (bySqlState[sqlState] ?? bySqlState[sqlState.slice(0, 2)]) : undefined;
  if (sqlState) {
    const detail = first.detail ? ` (${first.detail})` : '';
    const what = known?.code ?? 'DATABASE_ERROR';
    if (what === 'SERVER_GONE') return goneError(first, doing, error);
    return new BelayError(what, `PostgreSQL refused while ${doing}: ${first.message}${detail}`, {
      hint: known?.hint ?? first.hint,
      details: { sqlState },
      cause: error,
    });
  }
  if (code && unreachableCodes.has(code)) {
    return new BelayError(
      'SERVER_UNREACHABLE',
      `cannot reach the server while ${doing}: ${first.message}`,
      {
        hint: 'Is it running, and is the address right? `belay local start` runs one for you.',
        cause: error,
      },
    );
  }
  if (!code || goneCodes.has(code)) return goneError(first, doing, error);
  return new BelayError(
    'DATABASE_ERROR',
    `failed while ${doing}: ${first.message ?? String(error)}`,
    {
      cause: error,
    },
  );
}
