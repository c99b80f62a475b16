/**
 * Every failure that Belay can name. The code is what scripts match, the kind says whose move it is,
 * and the exit code follows from the code alone. `docs/errors.md` documents each of them; a test
 * compares the two lists.
 */

/** user: change the command. environment: change the server, disk or rights. bug: report it. */
export type ErrorKind = 'user' | 'environment' | 'bug';

interface ErrorClass {
  readonly kind: ErrorKind;
  readonly exit: number;
}

const usage: ErrorClass = { kind: 'user', exit: 2 };
const refused: ErrorClass = { kind: 'user', exit: 3 };
const notFound: ErrorClass = { kind: 'user', exit: 4 };
const conflict: ErrorClass = { kind: 'user', exit: 5 };
const environment: ErrorClass = { kind: 'environment', exit: 6 };
const proofFailed: ErrorClass = { kind: 'environment', exit: 7 };

export const errorCatalog = {
  BUG: { kind: 'bug', exit: 1 },

  USAGE: usage,
  BAD_TAG: usage,
  BAD_REFERENCE: usage,
  BAD_NAME: usage,
  BAD_TIME: usage,
  BAD_CONFIG: usage,
  BAD_URL: usage,
  NO_TARGET: usage,
  TARGET_IS_SNAPSHOT: usage,
  AMBIGUOUS_REFERENCE: usage,
  NEEDS_ARCHIVE: usage,
  NEEDS_CLONE: usage,
  PARTIAL_ARCHIVE: usage,
  NEEDS_IDENTITY: usage,
  BAD_RECIPIENT: usage,
  NOT_AN_ARCHIVE: usage,
  BAD_MIGRATION: usage,
  BAD_SCHEMA_FILE: usage,
  NEWER_FORMAT: usage,
  ADDRESS_REFUSED: usage,
  BAD_SCHEDULE: usage,
  NEEDS_AGENT: usage,
  BAD_REQUEST: usage,

  PRODUCTION_GUARD: refused,
  NOT_CONFIRMED: refused,
  PROTECTED: refused,
  WOULD_LOSE: refused,
  LOSS_GREW: refused,
  POLICY_REFUSED: refused,
  MIGRATION_CHANGED: refused,
  RENAME_UNDECIDED: refused,
  NO_WAY_DOWN: refused,
  ROWS_IN_THE_WAY: refused,
  COMMAND_NOT_ISOLATED: refused,
  ROWS_NOT_TRANSFORMED: refused,
  QUOTA_REACHED: refused,
  FORBIDDEN: refused,
  EXPOSED_WITHOUT_TOKEN: refused,

  TARGET_NOT_FOUND: notFound,
  SNAPSHOT_NOT_FOUND: notFound,
  TABLE_NOT_FOUND: notFound,
  NOTHING_TO_UNDO: notFound,
  VERSION_NOT_FOUND: notFound,
  MIGRATIONS_NOT_FOUND: notFound,
  MODEL_NOT_KEPT: notFound,
  NO_HISTORY: notFound,
  RECORDS_NOT_KEPT: notFound,
  SHADOW_NOT_FOUND: notFound,
  BRANCH_NOT_FOUND: notFound,
  DATABASE_NOT_REGISTERED: notFound,
  JOB_NOT_FOUND: notFound,
  TOKEN_NOT_FOUND: notFound,
  PERSON_NOT_FOUND: notFound,
  SCHEDULE_NOT_FOUND: notFound,
  WEBHOOK_NOT_FOUND: notFound,
  ROUTE_NOT_FOUND: notFound,

  TAG_EXISTS: conflict,
  DATABASE_EXISTS: conflict,
  TABLE_EXISTS: conflict,
  SCHEMA_TAKEN: conflict,
  CONFIG_EXISTS: conflict,
  LOCKED: conflict,
  SESSIONS_IN_THE_WAY: conflict,
  PREPARED_TRANSACTIONS: conflict,
  REPLICATION_IN_THE_WAY: conflict,
  LOCK_TIMEOUT: conflict,
  PORT_TAKEN: conflict,
  DEPENDENTS_IN_THE_WAY: conflict,
  HISTORY_AHEAD: conflict,
  OUT_OF_ORDER: conflict,
  VERSION_IS_CURRENT: conflict,
  NOT_AN_ANCESTOR: conflict,
  OTHER_TOOL: conflict,
  SCHEMA_CHANGED: conflict,
  MIGRATION_EXISTS: conflict,
  SHADOW_EXISTS: conflict,
  SHADOW_ROW_REFUSED: conflict,
  OUTAGE_TOO_LONG: conflict,
  BRANCH_EXISTS: conflict,
  BRANCH_IN_USE: conflict,
  HOOKS_TAKEN: conflict,
  DATABASE_REGISTERED: conflict,
  PERSON_EXISTS: conflict,
  IDEMPOTENCY_KEY_REUSED: conflict,
  TOO_MANY_JOBS: conflict,
  JOB_OVER: conflict,
  SERVER_RUNS: conflict,

  SERVER_UNREACHABLE: environment,
  SERVER_GONE: environment,
  SERVER_TOO_OLD: environment,
  READ_ONLY_SERVER: environment,
  AUTHENTICATION_FAILED: environment,
  PERMISSION_DENIED: environment,
  NO_MAINTENANCE_DATABASE: environment,
  COLLATION_MISMATCH: environment,
  DISK_FULL: environment,
  TOO_MANY_CONNECTIONS: environment,
  CANNOT_CARRY_OVER: environment,
  POSTGRES_NOT_FOUND: environment,
  LOCAL_SERVER_FAILED: environment,
  CANCELED_BY_SERVER: environment,
  DATABASE_ERROR: environment,
  FILE_ERROR: environment,
  TOOL_MISSING: environment,
  DUMP_FAILED: environment,
  RESTORE_FAILED: environment,
  ROLE_MISSING: environment,
  EXTENSION_MISSING: environment,
  MIGRATION_FAILED: environment,
  CANNOT_BACK_UP: environment,
  ROLLBACK_FAILED: environment,
  REHEARSAL_IMPOSSIBLE: environment,
  SCHEMA_NOT_BUILT: environment,
  SCHEMA_NOT_COPIED: environment,
  CLUSTER_NOT_COPIED: environment,
  BRANCH_DAMAGED: environment,
  GATEWAY_FAILED: environment,
  STORE_UNAVAILABLE: environment,
  STORE_DENIED: environment,
  STORE_MISCONFIGURED: environment,
  STORE_OBJECT_MISSING: environment,
  CATALOG_UNAVAILABLE: environment,
  CATALOG_NEWER: environment,
  SECRET_UNREADABLE: environment,
  UNAUTHENTICATED: environment,
  THROTTLED: environment,
  WORKER_LOST: environment,
  SERVE_FAILED: environment,
  AGENT_FAILED: environment,

  FINGERPRINT_MISMATCH: proofFailed,
  NOT_PROVEN: proofFailed,
  SEAL_BROKEN: proofFailed,
  HISTORY_DAMAGED: proofFailed,
  TARGET_TOUCHED: proofFailed,
  SHADOW_DIFFERS: proofFailed,

  INTERRUPTED: { kind: 'user', exit: 130 },
  TERMINATED: { kind: 'user', exit: 143 },
} as const satisfies Record<string, ErrorClass>;

export type ErrorCode = keyof typeof errorCatalog;

export interface BelayErrorOptions {
  /** What to do next, as one sentence. */
  readonly hint?: string | undefined;
  /** Plain data about the failure: names, counts, the SQLSTATE. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  readonly cause?: unknown;
}

/**
 * The only error that Belay throws on purpose.
 *
 * @example
 * try {
 *   await takeSnapshot(target, { tag: 'baseline' });
 * } catch (error) {
 *   if (error instanceof BelayError && error.code === 'TAG_EXISTS') return;
 *   throw error;
 * }
 */
export class BelayError extends Error {
  override readonly name = 'BelayError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: BelayErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.details = options.details ?? {};
  }

  get kind(): ErrorKind {
    return errorCatalog[this.code].kind;
  }

  /** The exit code of the command line for this error. */
  get exitCode(): number {
    return errorCatalog[this.code].exit;
  }
}

/** Wraps whatever was thrown: BelayError as it is, anything else as a bug. */
export function toBelayError(error: unknown): BelayError {
  if (error instanceof BelayError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new BelayError('BUG', `unexpected: ${message}`, {
    hint: 'This is a bug in Belay: please report it with the command and this message.',
    cause: error,
  });
}
