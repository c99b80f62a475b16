import { expect, it } from 'vitest';
import { openStore } from '../../../src/store/open-store.js';
import { parseS3Location } from '../../../src/store/s3-location.js';
import { failure } from '../../support/failure.js';

it.each([
  ['s3://backups', 'backups', ''],
  ['s3://backups/', 'backups', ''],
  ['S3://backups/shop', 'backups', 'shop/'],
  ['s3://my.backups-2/team/one two/', 'my.backups-2', 'team/one two/'],
  ['s3://backups/%2e%2e', 'backups', '%2e%2e/'],
])('reads %s', (location, bucket, prefix) => {
  expect(parseS3Location(location)).toEqual({ bucket, prefix });
});

it.each([
  's3://',
  's3:///shop',
  's3://b',
  's3://-bucket',
  's3://bucket//shop',
  's3://bucket/../other',
  's3://bucket/a/./b',
  's3://buck_et*/x',
  's3://AKIA:s3cret@bucket/shop',
  's3://bucket/a\nb',
])('refuses %j without repeating a secret', async (location) => {
  const error = await failure(openStore(location), 'USAGE');
  expect(`${error.message}${error.hint}`).not.toContain('s3cret');
});

it.each([
  'https://user:s3cret@example.com/bucket',
  'gs://bucket/shop?key=s3cret',
  'ftp://example.com',
  'file://elsewhere/folder',
  '',
  'nul\0',
])('knows no store like %j', async (location) => {
  const error = await failure(openStore(location), 'USAGE');
  expect(`${error.message}${error.hint}`).not.toContain('s3cret');
  expect(error.hint).toContain('s3://bucket/prefix');
});

it.each([
  ['backups/shop', '/home/me/backups/shop'],
  ['/srv/a/../backups/', '/srv/backups'],
  ['file:///srv/my%20backups', '/srv/my backups'],
  ['-odd=name', '/home/me/-odd=name'],
])('opens the folder %s', async (location, folder) => {
  const store = await openStore(location, { cwd: '/home/me' });
  expect([store.kind, store.location]).toEqual(['folder', folder]);
});

const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_REGION: 'eu-south-1' };

it('prints the location of a bucket without a slash at its end', async () => {
  const store = await openStore('s3://backups/shop/', { env: keys });
  expect([store.kind, store.location]).toEqual(['s3', 's3://backups/shop']);
  await store.close();
});

it.each([
  [{ BELAY_STORE_TIMEOUT: 'soon' }, 'soon'],
  [{ BELAY_STORE_TIMEOUT: '1ms' }, '1ms'],
  [{ AWS_ENDPOINT_URL: 'localhost:9000' }, 'AWS_ENDPOINT_URL'],
  [{ AWS_ENDPOINT_URL_S3: 'https://user:s3cret@example.com' }, 'AWS_ENDPOINT_URL_S3'],
])('refuses %j', async (env, named) => {
  const error = await failure(openStore('s3://backups', { env: { ...keys, ...env } }), 'USAGE');
  expect(error.message).toContain(named);
  expect(error.message).not.toContain('s3cret');
});
