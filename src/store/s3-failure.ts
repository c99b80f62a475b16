/** What a failed request to an S3 server comes down to, whichever way it failed. */
export interface S3Failure {
  /** The server's own word ("NoSuchBucket"), Node's ("ECONNREFUSED"), or the SDK's ("TimeoutError"). */
  readonly code: string;
  /** Undefined where there was no answer. */
  readonly status: number | undefined;
  readonly message: string;
  /** Region of the bucket, where the answer tells it. */
  readonly region: string | undefined;
  /** How far this machine's clock is from the server's. */
  readonly skewMs: number | undefined;
  /** How long the server wants to be left alone. */
  readonly retryAfterMs: number | undefined;
}

interface SdkError extends Error {
  readonly code?: string;
  readonly Code?: string;
  readonly Region?: string;
  readonly ServerTime?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean };
  readonly $response?: { readonly statusCode?: number; readonly headers?: Record<string, string> };
  /** Of an AggregateError: both addresses of "localhost" refused. */
  readonly errors?: readonly SdkError[];
}

/** What an answer to HEAD cannot say: that the clocks differ can only be seen by its date. */
const clockSkew = 'RequestTimeTooSkewed';

/**
 * Errors of the SDK hold whole answers, and answers hold access keys and session tokens: only what is named here is taken
 * over from them, and they are never anybody's `cause`.
 */
export function readFailure(thrown: unknown): S3Failure {
  const outer = thrown as SdkError;
  const error = outer.errors?.[0]?.code ? outer.errors[0] : outer;
  const status = error.$metadata?.httpStatusCode ?? error.$response?.statusCode;
  const headers = error.$response?.headers ?? {};
  const word = wordOf(error);
  const serverTime = Date.parse(error.ServerTime ?? headers.date ?? '');
  const retryAfter = Number(headers['retry-after']);
  return {
    // The flag alone says only that the clocks differ, whatever the answer was about.
    code: word === 'HTTP 403' && error.$metadata?.clockSkewCorrected ? clockSkew : word,
    status: status !== undefined && status > 0 ? status : undefined,
    message: firstLine(error.message),
    region: error.Region ?? headers['x-amz-bucket-region'],
    skewMs: Number.isNaN(serverTime) ? undefined : Date.now() - serverTime,
    retryAfterMs: retryAfter > 0 ? retryAfter * 1000 : undefined,
  };
}

const namesOfNothing = new Set(['Unknown', 'UnknownError', 'NotFound', 'Error']);

/** Errors of connections have Node's code, also where the SDK calls them timeouts. An answer to HEAD has no body and no word. */
function wordOf(error: SdkError): string {
  if (error.code) return error.code;
  const word = error.Code ?? error.name;
  const status = error.$metadata?.httpStatusCode;
  return namesOfNothing.has(word) && status !== undefined ? `HTTP ${status}` : word;
}

function firstLine(text: string | undefined): string {
  const line = (text ?? '').split('\n')[0] ?? '';
  return line === 'UnknownError' ? '' : line.slice(0, 200);
}

const timeouts = new Set(['TimeoutError', 'ETIMEDOUT', 'ESOCKETTIMEDOUT', 'RequestTimeout']);
const unresolved = new Set(['ENOTFOUND', 'EAI_FAIL', 'EAI_NODATA']);
const connections = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'EAI_AGAIN', 'ENETUNREACH'],
  ...['EHOSTUNREACH', 'ENETDOWN', 'ERR_STREAM_PREMATURE_CLOSE', 'IncompleteBody'],
]);
/** The server is busy, or what arrived was damaged on the way. */
const passing = new Set([
  ...['SlowDown', 'ServiceUnavailable', 'InternalError', 'Throttling', 'ThrottlingException'],
  ...['TooManyRequests', 'RequestLimitExceeded', 'BandwidthLimitExceeded', 'OperationAborted'],
  ...['BadDigest', 'XAmzContentSHA256Mismatch', 'InvalidDigest', 'ConditionalRequestConflict'],
]);
const passingStatus = new Set([408, 425, 429, 500, 502, 503, 504]);

export function isTimeout({ code }: S3Failure): boolean {
  return timeouts.has(code);
}

export function isMissingHost({ code }: S3Failure): boolean {
  return unresolved.has(code);
}

export function isBrokenConnection({ code }: S3Failure): boolean {
  return connections.has(code);
}

/** The clock: the SDK goes by the server's from then on, so a second attempt may succeed. */
export function isClockSkew({ code }: S3Failure): boolean {
  return [clockSkew, 'RequestExpired', 'RequestInTheFuture'].includes(code);
}

export function isMissingObject({ code }: S3Failure): boolean {
  return code === 'NoSuchKey' || code === 'HTTP 404';
}

/** Whether the object that was to be created is there already. */
export function isConditionFailed({ code, status }: S3Failure): boolean {
  return code === 'PreconditionFailed' || status === 412;
}

/**
 * How much of the attempts a failure uses up; undefined: another attempt would fail as this one. What takes a minute each
 * time, or has never changed within seconds, gets fewer.
 */
export function retryCost(failure: S3Failure): number | undefined {
  if (isTimeout(failure)) return 2;
  if (isMissingHost(failure) || isClockSkew(failure)) return 3;
  if (isBrokenConnection(failure) || passing.has(failure.code)) return 1;
  return failure.status !== undefined && passingStatus.has(failure.status) ? 1 : undefined;
}

/** Thrown for an answer that no S3 server gives: to the SDK the page of a web server is a list of nothing. */
export function foreignAnswer(): Error {
  const $metadata = { httpStatusCode: 200 };
  return Object.assign(new Error('not an answer of S3'), { code: 'NotS3', $metadata });
}
