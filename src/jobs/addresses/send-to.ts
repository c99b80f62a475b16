import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { LookupFunction } from 'node:net';
import { rootCertificates } from 'node:tls';
import { BelayError } from '../../errors.js';
import type { CheckedAddress, OutgoingAnswer, OutgoingRequest } from './addresses.js';

const answerBytes = 16 * 1024;
const defaultTimeoutMs = 15_000;

/**
 * Calls a checked address. The name goes into the Host header and the check of the certificate; the connection goes to what was
 * checked, so that a name which leads elsewhere a moment later leads nobody anywhere.
 *
 * @param ca PEM certificates to trust beside the usual ones
 * @throws BelayError SERVER_UNREACHABLE; what the signal was aborted with
 */
export async function sendTo(
  { url, ips }: CheckedAddress,
  { method, headers = {}, body = '', timeoutMs = defaultTimeoutMs, signal }: OutgoingRequest,
  ca?: string,
): Promise<OutgoingAnswer> {
  const timeout = AbortSignal.timeout(timeoutMs);
  const ended = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
  const pinned: LookupFunction = (_host, options, done) => {
    const [first] = ips;
    if (options.all || first === undefined) done(null, [...ips]);
    else done(null, first.address, first.family);
  };
  const size = method === 'POST' ? { 'content-length': String(Buffer.byteLength(body)) } : {};
  const options: RequestOptions = {
    method,
    lookup: pinned,
    // A connection of its own: one that is kept might have been made for another answer of the resolver.
    agent: false,
    signal: ended,
    headers: { ...headers, ...size },
    ...(ca === undefined ? {} : { ca: [...rootCertificates, ca] }),
  };
  try {
    return await exchange(url, options, body);
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    const why = timeout.aborted ? `no answer within ${timeoutMs / 1000} s` : describe(error);
    throw new BelayError('SERVER_UNREACHABLE', `cannot reach ${url.host}: ${why}`, {
      hint: 'Check that the receiver runs, and that this server may reach it.',
      cause: error,
    });
  }
}

function exchange(url: URL, options: RequestOptions, body: string): Promise<OutgoingAnswer> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? requestHttps : requestHttp;
    const request = send(url, options, (response) => {
      readStart(response).then((text) => {
        // The rest is of no interest, and might never end.
        request.destroy();
        resolve({ status: response.statusCode ?? 0, body: text });
      }, reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

async function readStart(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    chunks.push(chunk as Buffer);
    size += (chunk as Buffer).length;
    if (size >= answerBytes) break;
  }
  return Buffer.concat(chunks).subarray(0, answerBytes).toString('utf8');
}

/** The code where there is one: messages of the network name addresses that are nobody's business. */
function describe(error: unknown): string {
  if (error instanceof AggregateError) return describe(error.errors[0]);
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
