import { expect, it } from 'vitest';
import { s3Error } from '../../../src/store/s3-errors.js';
import { readFailure, retryCost } from '../../../src/store/s3-failure.js';

const facts = {
  location: 's3://backups/shop',
  bucket: 'backups',
  server: 's3.example.com',
  action: 'write a.dump',
  right: 's3:PutObject',
  idleTimeoutMs: 60_000,
  attempts: 3,
  durationMs: 182_000,
};

/** An error as the SDK makes it. */
function sdkError(name: string, status: number | undefined, more: object = {}): Error {
  const $metadata = status === undefined ? {} : { httpStatusCode: status };
  return Object.assign(new Error('UnknownError'), { name, $metadata, ...more });
}

const network = (code: string) => Object.assign(new Error(`connect ${code}`), { code });

it.each<[string, Error, string, RegExp]>([
  ['a missing bucket', sdkError('NoSuchBucket', 404), 'STORE_MISCONFIGURED', /no bucket "backups"/],
  ['a refusal', sdkError('AccessDenied', 403), 'STORE_DENIED', /not allow to write a.dump/],
  ['a refusal without a word', sdkError('Unknown', 403), 'STORE_DENIED', /not allow to write/],
  ['a wrong key', sdkError('InvalidAccessKeyId', 403), 'STORE_DENIED', /access key/],
  ['an old token', sdkError('ExpiredToken', 400), 'STORE_DENIED', /run out/],
  ['no credentials', sdkError('CredentialsProviderError', undefined), 'STORE_DENIED', /no cred/],
  ['a full server', sdkError('XMinioStorageFull', 507), 'DISK_FULL', /no room/],
  ['a redirect', sdkError('Unknown', 301), 'STORE_MISCONFIGURED', /another region/],
  ['an old server', sdkError('NotImplemented', 501), 'STORE_MISCONFIGURED', /NotImplemented/],
  ['a web page', sdkError('SyntaxError', 200), 'STORE_MISCONFIGURED', /not as an S3 server/],
  ['a certificate', network('CERT_HAS_EXPIRED'), 'STORE_MISCONFIGURED', /CERT_HAS_EXPIRED/],
  [
    'silence',
    sdkError('TimeoutError', undefined),
    'STORE_UNAVAILABLE',
    /for 60 s \(3 attempts in 182 s\)/,
  ],
  ['a lost name', network('ENOTFOUND'), 'STORE_UNAVAILABLE', /does not exist/],
  ['a busy server', sdkError('SlowDown', 503), 'STORE_UNAVAILABLE', /503 SlowDown/],
  ['something new', sdkError('Whatever', 418), 'STORE_UNAVAILABLE', /418 Whatever/],
])('explains %s', (_, thrown, code, message) => {
  const error = s3Error(readFailure(thrown), facts);
  expect(error.code).toBe(code);
  expect(error.message).toMatch(message);
  expect(error.hint).toBeTruthy();
  expect(error.details).toMatchObject({ location: 's3://backups/shop', attempts: 3 });
});

it('takes both addresses of a name that refuse for one that does', () => {
  const both = new AggregateError([network('ECONNREFUSED'), network('ECONNREFUSED')]);
  expect(readFailure(both).code).toBe('ECONNREFUSED');
});

it('takes over nothing secret that an answer repeats', () => {
  const thrown = sdkError('SignatureDoesNotMatch', 403, {
    ...{ AWSAccessKeyId: 'AKIASECRET', StringToSign: 'AKIASECRET', 'Token-0': 'AKIASECRET' },
    $response: { headers: { authorization: 'AKIASECRET' } },
  });
  const error = s3Error(readFailure(thrown), facts);
  expect(JSON.stringify([error, error.message, error.hint, error.details])).not.toContain('AKIA');
  expect(error.cause).toBeUndefined();
});

it('tries again only what may pass', () => {
  const cost = (thrown: Error) => retryCost(readFailure(thrown));
  for (const code of ['ECONNRESET', 'EPIPE', 'ECONNREFUSED', 'EAI_AGAIN']) {
    expect(cost(network(code))).toBe(1);
  }
  for (const status of [429, 500, 502, 503, 504]) expect(cost(sdkError('X', status))).toBe(1);
  for (const status of [400, 401, 403, 404, 405, 501]) {
    expect(cost(sdkError('X', status))).toBeUndefined();
  }
  expect(cost(sdkError('BadDigest', 400))).toBe(1);
  expect(cost(sdkError('TimeoutError', undefined))).toBe(2);
});
