import type { S3Client } from '@aws-sdk/client-s3';
import { parseDuration } from '../domain/duration.js';
import { BelayError } from '../errors.js';
import { S3Connection, type S3Sdk } from './s3-connection.js';
import type { S3Location } from './s3-location.js';

const defaultIdleTimeoutMs = 60_000;
const longestConnectMs = 10_000;

/** How long a store may be silent. */
function idleTimeout(env: NodeJS.ProcessEnv): number {
  const text = env.BELAY_STORE_TIMEOUT;
  if (!text) return defaultIdleTimeoutMs;
  const timeoutMs = parseDuration(text);
  if (timeoutMs >= 100) return timeoutMs;
  throw new BelayError('USAGE', `BELAY_STORE_TIMEOUT=${text} is too short`, {
    hint: 'It is how long a store may be silent, e.g. 20s or 5m.',
  });
}

/** The server's URL where it is not AWS. */
function endpointOf(env: NodeJS.ProcessEnv): URL | undefined {
  const name = env.AWS_ENDPOINT_URL_S3 ? 'AWS_ENDPOINT_URL_S3' : 'AWS_ENDPOINT_URL';
  const text = env[name];
  if (!text || env.AWS_IGNORE_CONFIGURED_ENDPOINT_URLS === 'true') return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && !url.username && !url.password) return url;
  // Not shown: who writes a password into it would find it in a log.
  throw new BelayError('USAGE', `${name} is not a URL of a server`, {
    hint: 'Write it like https://s3.example.com; credentials have variables of their own.',
  });
}

/** Keys from the environment that was given; everything else (files, roles, SSO) is the SDK's own search. */
function credentialsOf(env: NodeJS.ProcessEnv) {
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE } = env;
  if (!AWS_ACCESS_KEY_ID || !AWS_SECRET_ACCESS_KEY) {
    return AWS_PROFILE ? { profile: AWS_PROFILE } : {};
  }
  return {
    credentials: {
      accessKeyId: AWS_ACCESS_KEY_ID,
      secretAccessKey: AWS_SECRET_ACCESS_KEY,
      ...(AWS_SESSION_TOKEN ? { sessionToken: AWS_SESSION_TOKEN } : {}),
    },
  };
}

/** The SDK tells users of Node 20 on stderr which of its versions will need another; that is not theirs to act on. */
function withoutVersionWarning<T>(make: () => T): T {
  const name = 'AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED';
  const before = process.env[name];
  process.env[name] = 'true';
  try {
    return make();
  } finally {
    if (before === undefined) delete process.env[name];
    else process.env[name] = before;
  }
}

/** What is not the server's own has to have a region to sign with, though most of them do not look at it. */
async function withRegion(make: (region?: string) => S3Client, fallback: string | undefined) {
  const client = make();
  try {
    await client.config.region();
    return client;
  } catch {
    client.destroy();
    if (fallback) return make(fallback);
    throw new BelayError('STORE_MISCONFIGURED', 'the region of the store is not known', {
      hint: 'Set AWS_REGION to the region of the bucket, or AWS_ENDPOINT_URL where it is not at AWS.',
    });
  }
}

/**
 * Over TLS a body need not be hashed for the signature too: it is bound to the request by TLS and by its signed MD5.
 */
function leaveBodiesUnsigned(client: S3Client): void {
  client.middlewareStack.add(
    (next) => (args) => {
      const { headers } = args.request as { headers: Record<string, string> };
      if (headers['content-md5']) headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return next(args);
    },
    { step: 'build', name: 'belayUnsignedBody' },
  );
}

/** Connects to nothing yet. */
export async function openS3(at: S3Location, env: NodeJS.ProcessEnv): Promise<S3Connection> {
  const idleTimeoutMs = idleTimeout(env);
  const endpoint = endpointOf(env);
  const [sdk, { NodeHttpHandler }]: [S3Sdk, typeof import('@smithy/node-http-handler')] =
    await Promise.all([import('@aws-sdk/client-s3'), import('@smithy/node-http-handler')]);
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION;
  const make = (fallback?: string) =>
    withoutVersionWarning(
      () =>
        new sdk.S3Client({
          ...credentialsOf(env),
          ...(region || fallback ? { region: region || fallback } : {}),
          // Buckets as names of hosts need DNS that most servers of one's own do not have.
          ...(endpoint ? { endpoint: endpoint.href, forcePathStyle: true } : {}),
          // Retries are S3Connection's: it knows what may be repeated.
          maxAttempts: 1,
          // The SDK would send checksums that older servers do not know.
          requestChecksumCalculation: 'WHEN_REQUIRED',
          responseChecksumValidation: 'WHEN_REQUIRED',
          // It would need a new connection for each part.
          expectContinueHeader: false,
          requestHandler: new NodeHttpHandler({
            connectionTimeout: Math.min(idleTimeoutMs, longestConnectMs),
            socketTimeout: idleTimeoutMs,
          }),
        }),
    );
  const client = await withRegion(make, endpoint ? 'us-east-1' : undefined);
  if (!endpoint || endpoint.protocol === 'https:') leaveBodiesUnsigned(client);
  return new S3Connection({ sdk, client, at, server: endpoint?.host ?? 'AWS', idleTimeoutMs });
}
