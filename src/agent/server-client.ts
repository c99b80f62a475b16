import http from 'node:http';
import https from 'node:https';
import { toStorableJson } from '../contract/agent.js';
import { BelayError, type ErrorCode, errorCatalog } from '../errors.js';

export interface ServerClientOptions {
  /** e.g. "https://belay.example.com". */
  readonly server: URL;
  readonly token: string;
}

export interface ServerCall {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** e.g. "/api/agent/claim". */
  readonly path: string;
  readonly body: unknown;
  /** How long the answer may take; default 30 s. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One HTTP answer; the body is undefined where there was none. */
export interface ServerAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** Calls a server, over one connection that is kept. */
export interface ServerClient {
  /** @throws BelayError AGENT_FAILED, UNAUTHENTICATED, and what the server says; see {@link isAway} */
  call(call: ServerCall): Promise<ServerAnswer>;
  close(): void;
}

const defaultTimeoutMs = 30_000;
/** A job's SQL may have 4 MB. */
const mostAnswerBytes = 16 * 1024 * 1024;

export function createServerClient({ server, token }: ServerClientOptions): ServerClient {
  const isTls = server.protocol === 'https:';
  // One connection at a time: what waits for a job is short while something else is to be said.
  const agent = new (isTls ? https : http).Agent({ keepAlive: true, maxSockets: 1 });
  const send = (isTls ? https : http).request;
  const base = server.pathname.replace(/\/+$/, '');
  return {
    call: async ({ method, path, body, timeoutMs = defaultTimeoutMs, signal }) => {
      const payload = Buffer.from(toStorableJson(body));
      const request = send(new URL(base + path, server), {
        ...{ agent, method },
        signal: signal
          ? AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
          : AbortSignal.timeout(timeoutMs),
        headers: {
          authorization: `Bearer ${token}`,
          'content-type': 'application/json',
          'content-length': payload.length,
        },
      });
      const answer = await readAnswer(request, payload).catch((error: unknown) => {
        throw away(server, error);
      });
      return checked(answer, server, path);
    },
    close: () => agent.destroy(),
  };
}

function readAnswer(request: http.ClientRequest, payload: Buffer): Promise<ServerAnswer> {
  return new Promise((resolve, reject) => {
    request.once('error', reject);
    request.once('response', (response) => {
      const parts: Buffer[] = [];
      let size = 0;
      response.on('data', (part: Buffer) => {
        size += part.length;
        if (size > mostAnswerBytes) request.destroy(new Error('the answer is too large'));
        else parts.push(part);
      });
      response.once('error', reject);
      response.once('close', () => {
        if (!response.complete) reject(new Error('the answer was cut off'));
      });
      response.once('end', () => {
        resolve({ status: response.statusCode ?? 0, body: parse(Buffer.concat(parts)) });
      });
    });
    request.end(payload);
  });
}

function parse(bytes: Buffer): unknown {
  try {
    return bytes.length === 0 ? undefined : JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

/** The server does not answer, or says that it cannot now: the same call may do later. */
export function isAway(error: unknown): boolean {
  return error instanceof BelayError && error.details.isAway === true;
}

function away(server: URL, cause: unknown): BelayError {
  const { name, message, code } = cause as NodeJS.ErrnoException;
  const why = name === 'TimeoutError' ? 'no answer in time' : (code ?? message);
  const isTls = /CERT|SSL|TLS|SELF_SIGNED|UNABLE_TO/.test(String(why));
  return new BelayError('AGENT_FAILED', `${server.origin} does not answer: ${why}`, {
    hint: isTls
      ? 'Its certificate is of an authority that is not known here: set NODE_EXTRA_CA_CERTS to its file.'
      : 'Check --server, and that `belay serve` runs there.',
    details: { isAway: true },
    cause,
  });
}

/** @throws BelayError for every answer that is none of success */
function checked(answer: ServerAnswer, server: URL, path: string): ServerAnswer {
  const { status, body } = answer;
  if (status >= 200 && status < 300) return answer;
  const problem = (body ?? {}) as { code?: unknown; detail?: unknown; hint?: unknown };
  const hint = typeof problem.hint === 'string' ? problem.hint : undefined;
  const isAway = status >= 500 || status === 429;
  if (typeof problem.code !== 'string' || !Object.hasOwn(errorCatalog, problem.code)) {
    throw new BelayError('AGENT_FAILED', `${server.origin}${path} answers with ${status}`, {
      hint: isAway
        ? 'It may be starting, or what stands before it is not ready.'
        : 'Check --server: it is the address of a Belay server, without a path.',
      details: { isAway },
    });
  }
  const message = typeof problem.detail === 'string' ? problem.detail : problem.code;
  throw new BelayError(problem.code as ErrorCode, `${server.origin}: ${message}`, {
    hint: status === 401 ? tokenHint : hint,
    details: { isAway },
  });
}

const tokenHint =
  'Check BELAY_AGENT_TOKEN or --token-file: it is a token of `belay token create --agent`, neither revoked nor expired.';
