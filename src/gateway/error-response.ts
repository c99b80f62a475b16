import { BelayError, type ErrorCode, toBelayError } from '../errors.js';
import { sqlStateOf } from '../postgres/pg-error.js';
import { backend, cString, message, readCString } from './protocol.js';

/** What an ErrorResponse says. */
export interface ServerError {
  readonly severity: string;
  readonly sqlState: string;
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
}

/** Ends a connection with a message that PostgreSQL could have sent. */
export class FatalError extends Error {
  override readonly name = 'FatalError';
  readonly response: Buffer;

  constructor(error: Omit<ServerError, 'severity'>) {
    super(error.message);
    this.response = errorResponse({ severity: 'FATAL', ...error });
  }
}

/** An ErrorResponse of a server, kept as it came: its language and its fields are the server's own. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
  readonly response: Buffer;
  readonly sqlState: string;

  /** @param body of the ErrorResponse */
  constructor(body: Buffer) {
    const error = parseErrorResponse(body);
    super(error.message);
    this.sqlState = error.sqlState;
    this.response = message(backend.error, body);
  }
}

function errorResponse(error: ServerError): Buffer {
  const fields: [string, string | undefined][] = [
    ['S', error.severity],
    ['V', error.severity],
    ['C', error.sqlState],
    ['M', error.message],
    ['D', error.detail],
    ['H', error.hint],
  ];
  const parts = fields
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => cString(`${name}${value}`));
  return message(backend.error, ...parts, Buffer.from([0]));
}

/** @param body of an ErrorResponse or a NoticeResponse */
export function parseErrorResponse(body: Buffer): ServerError {
  const fields = new Map<string, string>();
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const value = readCString(body, at + 1);
    if (!value) break;
    fields.set(String.fromCharCode(body[at] as number), value.text);
    at = value.next;
  }
  return {
    severity: fields.get('V') ?? fields.get('S') ?? 'ERROR',
    sqlState: fields.get('C') ?? 'XX000',
    message: fields.get('M') ?? 'the server gave no message',
    detail: fields.get('D'),
    hint: fields.get('H'),
  };
}

/** What PostgreSQL says when an administrator ends a session. */
export const terminatedState = '57P01';

/** @param why what kept the session from being led elsewhere, as a sentence */
export function terminated(why: string): FatalError {
  return new FatalError({
    sqlState: terminatedState,
    message: 'terminating connection due to administrator command',
    detail: why,
  });
}

/** The SQLSTATE that tells drivers and pools what a Belay error means for them: retry, give up, or ask the user. */
const sqlStates: Readonly<Partial<Record<ErrorCode, string>>> = {
  BRANCH_NOT_FOUND: '3D000',
  TARGET_NOT_FOUND: '3D000',
  SERVER_UNREACHABLE: '08001',
  SERVER_GONE: '08006',
  LOCAL_SERVER_FAILED: '57P03',
  POSTGRES_NOT_FOUND: '57P03',
  TOO_MANY_CONNECTIONS: '53300',
  AUTHENTICATION_FAILED: '28000',
  PERMISSION_DENIED: '42501',
  READ_ONLY_SERVER: '25006',
  LOCKED: '55P03',
  LOCK_TIMEOUT: '55P03',
  DISK_FULL: '53100',
  BRANCH_DAMAGED: '58000',
  FILE_ERROR: '58030',
  INTERRUPTED: '57P01',
  TERMINATED: '57P01',
};

/** Any failure as the last message of a connection. */
export function fatalResponse(error: unknown): Buffer {
  if (error instanceof FatalError || error instanceof BackendError) return error.response;
  const told = error instanceof BelayError ? error : toBelayError(networkError(error));
  return errorResponse({
    severity: 'FATAL',
    sqlState: sqlStates[told.code] ?? sqlStateOf(told) ?? 'XX000',
    message: told.message,
    hint: told.hint,
  });
}

/** Errors of sockets have a system call; they say that the server cannot be reached. */
function networkError(error: unknown): unknown {
  if (!(error instanceof Error) || !('syscall' in error)) return error;
  return new BelayError('SERVER_UNREACHABLE', `cannot reach the server: ${error.message}`, {
    hint: 'Is it running? `belay status` tells more.',
    cause: error,
  });
}
