import { readFileSync } from 'node:fs';
import { expect, it, vi } from 'vitest';
import { openStore } from '../../../src/store/open-store.js';
import type { Store } from '../../../src/store/store.js';
import { makeCertificates } from '../../support/certificates.js';
import { failure } from '../../support/failure.js';
import { describeS3, withBucket } from '../../support/s3.js';
import { type S3Proxy, startS3Proxy } from '../../support/s3-proxy.js';
import { makeTempFolder } from '../../support/temp-folder.js';
import { randomStream, readAll, sha256 } from './sample-streams.js';

function withTls(work: (store: Store, proxy: S3Proxy) => Promise<void>): Promise<void> {
  return withBucket(async (bucket) => {
    const { serverKeyFile, serverCertFile } = await makeCertificates(makeTempFolder());
    const tls = { key: readFileSync(serverKeyFile), cert: readFileSync(serverCertFile) };
    const proxy = await startS3Proxy(bucket.server, { tls });
    const store = await openStore(bucket.location, { env: proxy.env });
    try {
      await work(store, proxy);
    } finally {
      await store.close();
      await proxy.close();
    }
  });
}

describeS3('an S3 store behind TLS', () => {
  it('refuses a certificate of an authority that it does not know', () =>
    withTls(async (store) => {
      const error = await failure(store.list(''), 'STORE_MISCONFIGURED');
      expect(error.message).toContain('no secure connection');
      expect(error.hint).toContain('NODE_EXTRA_CA_CERTS');
    }));

  // There a body is not part of the signature: its MD5 alone guards it.
  it.each([1_000, 20_000_000])(
    'sends again what was damaged on its way, of %d bytes',
    (sizeBytes) =>
      withTls(async (store, proxy) => {
        vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
        try {
          await store.prepare();
          proxy.fail({ method: 'PUT', fault: { type: 'flip-bit' } });
          const { source, bytes } = randomStream(sizeBytes);
          const stored = await store.putStream('a', source);
          expect(stored).toMatchObject({ sha256: sha256(bytes), confirmedBy: 'checksum' });
          expect(sha256(await readAll(await store.readStream('a')))).toBe(sha256(bytes));
          expect(await store.create('a', Buffer.from('x'))).toBe('exists');
        } finally {
          vi.unstubAllEnvs();
        }
      }),
  );
});
