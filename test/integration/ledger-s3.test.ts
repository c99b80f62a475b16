import { expect, it } from 'vitest';
import { ledgerKey, type NewLedgerEntry } from '../../src/domain/ledger.js';
import { appendToLedger, recordInLedger } from '../../src/features/ledger/append.js';
import { readLedger } from '../../src/features/ledger/read.js';
import { verifyLedger } from '../../src/features/ledger/verify.js';
import { openStore } from '../../src/store/open-store.js';
import { describeS3, withBucket, withFaultyBucket } from '../support/s3.js';

const entry: NewLedgerEntry = {
  ...{ action: 'drill', target: null, snapshot: null, outcome: 'done', rows: null, details: {} },
};

describeS3('a ledger in an S3 bucket', () => {
  it('20 writers at once get 20 numbers, and the chain is whole', () =>
    withBucket(async ({ location, env }) => {
      const heads = await Promise.all(
        Array.from({ length: 20 }, async (_, writer) => {
          const store = await openStore(`${location}/team`, { env });
          const head = await appendToLedger(store, { ...entry, details: { writer } });
          await store.close();
          return head;
        }),
      );
      expect(new Set(heads.map(({ number }) => number)).size).toBe(20);
      const store = await openStore(`${location}/team`, { env });
      const verified = await verifyLedger(store);
      expect(verified).toMatchObject({ ok: true, entries: 20, head: { number: 20 } });
      const { entries } = await readLedger(store);
      expect(new Set(entries.map(({ details }) => details.writer)).size).toBe(20);
      await store.delete(ledgerKey(7));
      expect((await verifyLedger(store)).broken).toEqual([{ number: 7, why: 'it is missing' }]);
      await store.close();
    }));

  it('an entry whose answer was lost is there once', () =>
    withFaultyBucket(async ({ location, env }, proxy) => {
      const store = await openStore(location, { env });
      await appendToLedger(store, entry);
      proxy.fail({ fault: { type: 'lose-answer' }, method: 'PUT', path: /\/ledger\/0+2\.json$/ });
      expect((await appendToLedger(store, entry)).number).toBe(2);
      expect((await appendToLedger(store, entry)).number).toBe(3);
      expect(await verifyLedger(store)).toMatchObject({ ok: true, entries: 3 });
      await store.close();
    }));

  it('a note of the newest entry that cannot be written is no failure', () =>
    withFaultyBucket(async ({ location, env }, proxy) => {
      const store = await openStore(location, { env });
      const fault = { type: 'answer', status: 403 } as const;
      proxy.fail({ fault, method: 'PUT', path: /head\.json$/, times: Number.POSITIVE_INFINITY });
      await appendToLedger(store, entry);
      expect((await appendToLedger(store, entry)).number).toBe(2);
      expect(await verifyLedger(store)).toMatchObject({ ok: true, entries: 2 });
      await store.close();
    }));

  it('a bucket that hangs costs a restore a warning and a bounded time', () =>
    withFaultyBucket(async ({ location, env }, proxy) => {
      const store = await openStore(location, { env });
      proxy.fail({ fault: { type: 'hang' }, times: Number.POSITIVE_INFINITY });
      const warnings: string[] = [];
      const startedAt = performance.now();
      const head = await recordInLedger(async () => store, entry, {
        timeoutMs: 500,
        reporter: (event) => event.type === 'warning' && warnings.push(event.message),
      });
      expect(head).toBeNull();
      expect(performance.now() - startedAt).toBeLessThan(5_000);
      expect(warnings).toEqual([expect.stringContaining('not in the ledger')]);
      await store.close();
    }));
});
