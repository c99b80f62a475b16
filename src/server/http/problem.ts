import type { JobError } from '../../contract/job.js';
import type { Problem } from '../../contract/problem.js';
import { BelayError, type ErrorCode, errorCatalog } from '../../errors.js';

/** The status of a code follows from its exit code, but for those that HTTP has a status of its own for. */
const ownStatus: Readonly<Partial<Record<ErrorCode, number>>> = {
  FORBIDDEN: 403,
  UNAUTHENTICATED: 401,
  THROTTLED: 429,
  TOO_MANY_JOBS: 429,
  SERVER_GONE: 502,
  AUTHENTICATION_FAILED: 502,
};

const statusOfExit: Readonly<Record<number, number>> = {
  1: 500,
  2: 400,
  3: 409,
  4: 404,
  5: 409,
  6: 503,
  7: 422,
  130: 409,
  143: 503,
};

export function statusOf(code: string): number {
  const known = errorCatalog[code as ErrorCode];
  return ownStatus[code as ErrorCode] ?? (known ? statusOfExit[known.exit] : undefined) ?? 500;
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Refused or in conflict',
  413: 'Too large',
  415: 'Not JSON',
  422: 'Not proven',
  429: 'Too many requests',
  500: 'A bug in Belay',
  502: 'The database server failed',
  503: 'Not available',
};

export interface ProblemOptions {
  /** Instead of the code's own. */
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Of the job that failed. */
  readonly job?: string | undefined;
  /** What a failed job had found nevertheless. */
  readonly result?: unknown;
}

/** An answer for an error, as application/problem+json. */
export function problemResponse(
  error: Pick<JobError, 'code' | 'kind' | 'message'> & { readonly hint?: string | undefined },
  { status = statusOf(error.code), headers = {}, job, result }: ProblemOptions = {},
): Response {
  const problem: Problem = {
    type: `/api/docs#${error.code}`,
    title: titles[status] ?? 'Failed',
    status,
    detail: error.message,
    code: error.code,
    kind: error.kind,
    hint: error.hint,
    job,
  };
  const body = result === undefined || result === null ? problem : { ...problem, result };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(job === undefined ? {} : { 'x-belay-job': job }),
      ...headers,
    },
  });
}

/** An error that a request itself brings about, with a status that HTTP has for it. */
export class RequestRefused extends BelayError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ErrorCode,
    message: string,
    options: { status: number; hint?: string; headers?: Readonly<Record<string, string>> },
  ) {
    super(code, message, { hint: options.hint });
    this.status = options.status;
    this.headers = options.headers ?? {};
  }
}

/** How an error that was thrown on purpose is answered. */
export function answerError(error: BelayError): Response {
  const options = error instanceof RequestRefused ? error : undefined;
  return problemResponse(error, {
    status: options?.status,
    headers: { ...headersOf(error), ...options?.headers },
  });
}

function headersOf({ code, details }: BelayError): Record<string, string> {
  if (code === 'UNAUTHENTICATED') return { 'www-authenticate': 'Bearer realm="belay"' };
  if (code !== 'TOO_MANY_JOBS' && code !== 'THROTTLED') return {};
  const seconds = Number(details.retryAfterSeconds);
  return { 'retry-after': String(Number.isFinite(seconds) ? Math.max(1, Math.ceil(seconds)) : 5) };
}
