import type { Job } from '../../src/contract/job';
import type { Problem } from '../../src/contract/problem';

/** A failure as people are shown it: what happened, and what to do next. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** As the command line calls it; "OFFLINE" where the server gave no answer at all. */
  readonly code: string;
  readonly hint: string | undefined;
  /** Of the HTTP answer; 0: there was none, or a job failed after it. */
  readonly status: number;
  readonly job: string | undefined;

  constructor(problem: Pick<Problem, 'code'> & Partial<Problem> & { readonly message: string }) {
    super(problem.message);
    this.code = problem.code;
    this.hint = problem.hint;
    this.status = problem.status ?? 0;
    this.job = problem.job;
  }
}

/** What a job failed with; undefined: it did not fail. */
export function jobFailure(job: Job): ApiError | undefined {
  if (job.state === 'cancelled') {
    return new ApiError({ code: 'CANCELLED', message: 'It was cancelled.', job: job.id });
  }
  if (job.state !== 'failed') return undefined;
  const { code, message, hint } = job.error ?? {
    code: 'BUG',
    message: 'It failed without a word.',
  };
  return new ApiError({ code, message, hint, job: job.id });
}

let csrf: string | undefined;
let whenSignedOut = (): void => {};

/** Of the session: goes with every request that changes something. */
export function setCsrfToken(token: string | undefined): void {
  csrf = token;
}

/** Called when an answer says that the session is over. */
export function onSignedOut(callback: () => void): void {
  whenSignedOut = callback;
}

export interface RequestOptions {
  readonly body?: unknown;
  /** Left out where undefined or empty. */
  readonly query?: Readonly<Record<string, string | number | boolean | null | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal | undefined;
}

/** "/api/snapshots?database=shop&q=base" */
export function withQuery(path: string, query: RequestOptions['query'] = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== null && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text === '' ? path : `${path}?${text}`;
}

/**
 * One call of the API.
 * @param path with its parts already encoded, e.g. `/api/jobs/${encodeURIComponent(id)}`
 * @throws ApiError
 */
export async function call<T>(
  method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE',
  path: string,
  { body, query, headers, signal }: RequestOptions = {},
): Promise<T> {
  const response = await send(withQuery(path, query), {
    method,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(method === 'GET' || csrf === undefined ? {} : { 'x-csrf-token': csrf }),
      ...headers,
    },
    credentials: 'same-origin',
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal ? { signal } : {}),
  });
  if (!response.ok) throw await readProblem(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

const mostTries = 3;
const pauseMs = 700;

/**
 * Begins work and answers at once with its job, whose progress is followed by `useJob`. An answer that was lost on its way is
 * asked for again with the same key, so that the work is begun once.
 */
export async function startJob(
  path: string,
  body: unknown,
  method: 'POST' | 'DELETE' = 'POST',
): Promise<Job> {
  const key: Record<string, string> = method === 'POST' ? { 'idempotency-key': newKey() } : {};
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call<Job>(method, path, { body, headers: { prefer: 'respond-async', ...key } });
    } catch (error) {
      const isLost = error instanceof ApiError && error.code === 'OFFLINE' && method === 'POST';
      if (!isLost || attempt === mostTries) throw error;
      await new Promise((resolve) => setTimeout(resolve, attempt * pauseMs));
    }
  }
}

/** Not `randomUUID`: browsers have that only where the page came over TLS or from this machine. */
const newKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');

/** `fetch` with failures as `ApiError`s, an abort as it is. */
export async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ApiError({
      code: 'OFFLINE',
      message: 'The Belay server does not answer.',
      hint: 'Check that `belay serve` runs and that this device reaches it, then try again.',
    });
  }
}

/** What an answer that is not OK says. A session that has ended brings up the sign-in page. */
export async function readProblem(response: Response): Promise<ApiError> {
  const problem = (await response.json().catch(() => undefined)) as Partial<Problem> | undefined;
  const isOver = response.status === 401 && !response.url.endsWith('/api/session');
  if (isOver) whenSignedOut();
  return new ApiError({
    ...problem,
    code: problem?.code ?? 'UNEXPECTED_ANSWER',
    message: problem?.detail ?? `The server answered with status ${response.status}.`,
    hint: problem?.hint ?? (problem?.code ? undefined : 'Try again in a moment.'),
    status: response.status,
  });
}
