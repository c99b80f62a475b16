import { BelayError } from '../errors.js';
import { isKey } from './key.js';

export interface S3Location {
  readonly bucket: string;
  /** "" or with "/" at its end. */
  readonly prefix: string;
}

/**
 * Reads `s3://bucket/prefix`. Credentials, regions and endpoints have no place in it: it is printed and written down.
 * @throws BelayError USAGE
 */
export function parseS3Location(location: string): S3Location {
  const match = /^s3:\/\/([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:\/(.*))?$/is.exec(location);
  const bucket = match?.[1];
  const prefix = (match?.[2] ?? '').replace(/\/$/, '');
  if (bucket && (prefix === '' || isKey(prefix))) {
    return { bucket, prefix: prefix === '' ? '' : `${prefix}/` };
  }
  // What comes before an "@" may be a secret.
  const shown = JSON.stringify(location.replace(/\/\/[^/]*@/, '//***@'));
  throw new BelayError('USAGE', `${shown} is not the location of a store`, {
    hint: 'Write s3://bucket or s3://bucket/prefix; credentials, region and endpoint come from AWS_… variables.',
  });
}
