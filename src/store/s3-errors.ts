import { BelayError, type ErrorCode } from '../errors.js';
import {
  isBrokenConnection,
  isClockSkew,
  isMissingHost,
  isTimeout,
  type S3Failure,
} from './s3-failure.js';

/** What an error says besides what went wrong. */
export interface S3CallFacts {
  readonly location: string;
  readonly bucket: string;
  /** Host of the server, or "AWS". */
  readonly server: string;
  /** e.g. "write shop/…/x.dump". */
  readonly action: string;
  /** What a policy has to allow for it, e.g. "s3:PutObject". */
  readonly right: string;
  readonly idleTimeoutMs: number;
  readonly attempts: number;
  readonly durationMs: number;
}

interface Explanation {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

type Explain = (failure: S3Failure, facts: S3CallFacts) => Explanation | undefined;

const seconds = (milliseconds: number) => `${Math.max(1, Math.round(milliseconds / 1000))} s`;

const misconfigured = (message: string, hint: string): Explanation => ({
  code: 'STORE_MISCONFIGURED',
  message,
  hint,
});

const denied = (message: string, hint: string): Explanation => ({
  code: 'STORE_DENIED',
  message,
  hint,
});

const wrongRegionCodes = new Set([
  ...['PermanentRedirect', 'TemporaryRedirect', 'AuthorizationHeaderMalformed'],
  ...['IllegalLocationConstraintException', 'AuthorizationQueryParametersError', 'Redirect'],
]);

const explainBucket: Explain = ({ code, status, region }, { bucket, server }) => {
  if (code === 'NoSuchBucket' || code === 'InvalidBucketName') {
    return misconfigured(
      `there is no bucket "${bucket}" at ${server}`,
      'Create it, or correct the location of the store or AWS_ENDPOINT_URL.',
    );
  }
  const isRedirect = status !== undefined && status >= 300 && status < 400;
  if (!wrongRegionCodes.has(code) && !isRedirect && !(status === 400 && region)) return undefined;
  return misconfigured(
    `the bucket "${bucket}" is in ${region ? `the region ${region}` : 'another region'}`,
    `Set AWS_REGION${region ? `=${region}` : " to the bucket's region"}.`,
  );
};

const explainClock: Explain = (failure, { server }) => {
  if (!isClockSkew(failure)) return undefined;
  const { skewMs } = failure;
  const minutes = Math.abs(Math.round((skewMs ?? 0) / 60_000));
  const side = (skewMs ?? 0) < 0 ? 'behind' : 'ahead of';
  const how = skewMs === undefined ? 'far from' : `${minutes} minutes ${side}`;
  return misconfigured(
    `this machine's clock is ${how} that of ${server}, which therefore refuses everything`,
    'Set the clock (timedatectl set-ntp true).',
  );
};

const credentialHints: Readonly<Record<string, readonly [string, string]>> = {
  InvalidAccessKeyId: [
    'does not know the access key',
    'Check AWS_ACCESS_KEY_ID, and that AWS_ENDPOINT_URL is the server that the key is for.',
  ],
  SignatureDoesNotMatch: [
    'says that the secret key does not belong to the access key',
    'Check AWS_SECRET_ACCESS_KEY, also for a blank or newline at its end.',
  ],
  ExpiredToken: [
    'says that the credentials have run out',
    'Get new ones, then run the command again.',
  ],
  InvalidToken: [
    'does not accept the session token',
    'Check AWS_SESSION_TOKEN: remove it where the key is a permanent one.',
  ],
};
const sameAs: Readonly<Record<string, string>> = {
  ExpiredTokenException: 'ExpiredToken',
  TokenRefreshRequired: 'ExpiredToken',
  UnrecognizedClientException: 'InvalidAccessKeyId',
};

const explainCredentials: Explain = ({ code, status }, { server, action, right }) => {
  if (code === 'CredentialsProviderError' || code === 'TokenProviderError') {
    return denied(
      'there are no credentials for the store',
      'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, or give the machine a role.',
    );
  }
  const known = credentialHints[sameAs[code] ?? code];
  if (known) return denied(`${server} ${known[0]}`, known[1]);
  if (status !== 401 && status !== 403) return undefined;
  return denied(
    `${server} does not allow to ${action}${code === 'HTTP 403' ? '' : ` (${code})`}`,
    `The credentials need the right ${right}. Where something is locked, nobody has it.`,
  );
};

const explainServer: Explain = ({ code, status, message }, { server, action }) => {
  if (status === 507 || code === 'QuotaExceeded' || code === 'XMinioStorageFull') {
    return {
      code: 'DISK_FULL',
      message: `${server} has no room left (${code})`,
      hint: 'Make room or raise the quota. What was half-written is removed.',
    };
  }
  if (status === 501 || status === 405 || code === 'NotImplemented') {
    return misconfigured(
      `${server} cannot ${action}: it does not implement what is needed (${code})`,
      'Use a newer version of the server, or another one.',
    );
  }
  if (status !== undefined && status < 300) {
    return misconfigured(
      `${server} answers, but not as an S3 server does${code === 'NotS3' ? '' : ` (${code})`}`,
      'Check AWS_ENDPOINT_URL: it has to be the address of the S3 API.',
    );
  }
  if (!/CERT|^ERR_TLS|^ERR_SSL|^EPROTO$|SELF_SIGNED|^UNABLE_TO/.test(code)) return undefined;
  return misconfigured(
    `no secure connection to ${server} (${code}${message ? `: ${message}` : ''})`,
    'Check AWS_ENDPOINT_URL (http or https?); a certificate of your own authority goes into NODE_EXTRA_CA_CERTS.',
  );
};

const explainUnavailable = (failure: S3Failure, facts: S3CallFacts): Explanation => {
  const { attempts, durationMs, idleTimeoutMs, server, action } = facts;
  const tried = attempts === 1 ? '' : ` (${attempts} attempts in ${seconds(durationMs)})`;
  const say = (what: string, hint: string): Explanation => ({
    code: 'STORE_UNAVAILABLE',
    message: `cannot ${action}: ${what}${tried}`,
    hint,
  });
  if (isTimeout(failure)) {
    return say(
      `${server} has not answered for ${seconds(idleTimeoutMs)}`,
      'Run the command again when it does. BELAY_STORE_TIMEOUT (e.g. 5m) sets how long Belay waits.',
    );
  }
  if (isMissingHost(failure)) {
    return say(
      `the name ${server} does not exist`,
      'Check AWS_ENDPOINT_URL, AWS_REGION and the network.',
    );
  }
  if (isBrokenConnection(failure)) {
    return say(
      `no connection to ${server} (${failure.code})`,
      'Check AWS_ENDPOINT_URL and that the server runs; else run the command again.',
    );
  }
  const words = failure.message ? `: ${failure.message}` : '';
  const status = failure.status === undefined ? '' : `${failure.status} `;
  return say(`${server} says ${status}${failure.code}${words}`, 'Run the command again later.');
};

/** The error of a request that failed for good. */
export function s3Error(failure: S3Failure, facts: S3CallFacts): BelayError {
  const explanation =
    explainBucket(failure, facts) ??
    explainClock(failure, facts) ??
    explainServer(failure, facts) ??
    explainCredentials(failure, facts) ??
    explainUnavailable(failure, facts);
  const { location, action, attempts, durationMs } = facts;
  return new BelayError(explanation.code, explanation.message, {
    hint: explanation.hint,
    details: {
      ...{ location, action, attempts, durationMs: Math.round(durationMs) },
      ...{ reason: failure.code, status: failure.status ?? null },
    },
  });
}
