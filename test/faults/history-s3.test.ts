import { openStore } from '../../src/store/open-store.js';
import type { Store } from '../../src/store/store.js';
import { historyContract } from '../integration/history/contract.js';
import { storeSubject } from '../integration/history/store-subject.js';
import { describeS3, withBucket } from '../support/s3.js';

describeS3('a history in a bucket', () => {
  historyContract((work) =>
    withBucket(async ({ location, env }) => {
      const opened: Store[] = [];
      const open = async () => {
        const store = await openStore(`${location}/team`, { env });
        opened.push(store);
        return store;
      };
      try {
        await work(storeSubject(await open(), open));
      } finally {
        await Promise.all(opened.map((store) => store.close()));
      }
    }),
  );
});
