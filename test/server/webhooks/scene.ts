import { afterAll, afterEach, beforeAll } from 'vitest';
import { openAddresses } from '../../../src/jobs/addresses/open-addresses.js';
import type { Catalog } from '../../../src/jobs/catalog/catalog.js';
import { catalogSource } from '../../../src/jobs/queue/catalog-source.js';
import type { JobOutcome } from '../../../src/jobs/queue/job-source.js';
import type { JobOrder } from '../../../src/jobs/queue/jobs.js';
import { openSecrets } from '../../../src/jobs/secrets/open-secrets.js';
import type { Secrets } from '../../../src/jobs/secrets/secrets.js';
import type { Patience } from '../../../src/jobs/webhooks/deliver-next.js';
import { openWebhooks } from '../../../src/jobs/webhooks/open-webhooks.js';
import {
  type DeliveriesOptions,
  startDeliveries,
} from '../../../src/jobs/webhooks/start-deliveries.js';
import type {
  WebhookDelivery,
  WebhookEvent,
  Webhooks,
} from '../../../src/jobs/webhooks/webhooks.js';
import type { TestServer } from '../../support/servers.js';
import { testHome } from '../../support/test-home.js';
import { openScene, type QueueScene, until } from '../queue/scene.js';
import { type Receiver, startReceiver } from './receiver.js';

export { until };

/** Short enough for a test, long enough that no message is given up on a busy machine. */
const patient: Patience = { pausesMs: [50], giveUpAfterMs: 3_600_000 };

export interface WebhookScene {
  readonly catalog: Catalog;
  readonly webhooks: Webhooks;
  readonly secrets: Secrets;
  readonly queue: QueueScene;
  /** A server that sends, for the rest of the test. */
  deliver(
    options?: Partial<Pick<DeliveriesOptions, 'patience' | 'secrets' | 'onError'>>,
  ): Promise<void>;
  /** A receiver for the test, and a webhook that leads to it. */
  receive(
    events: readonly WebhookEvent[],
    databases?: readonly string[],
  ): Promise<{ readonly receiver: Receiver; readonly id: string; readonly secret: string }>;
  /** Adds a job and ends it as a worker does. */
  endJob(order: JobOrder, outcome: JobOutcome): Promise<string>;
  /** The messages of a webhook, when they are as many as wanted and all of them over. */
  whenOver(id: string, count: number): Promise<readonly WebhookDelivery[]>;
}

/** A catalog with two databases, for the tests of a file. Webhooks and servers that send are of each test. */
export function useWebhooks(server: Pick<TestServer, 'adminUrl'>): WebhookScene {
  let queue: QueueScene;
  let secrets: Secrets;
  let webhooks: Webhooks;
  const ends: (() => Promise<void>)[] = [];
  const addresses = openAddresses({ allow: ['127.0.0.0/8'] });
  beforeAll(async () => {
    queue = await openScene(server, [{ name: 'shop' }, { name: 'test' }]);
    secrets = await openSecrets({ home: testHome(), env: {} });
    webhooks = openWebhooks({ catalog: queue.catalog, secrets, addresses });
  });
  afterEach(async () => {
    // Receivers first: a message that hangs there ends.
    for (const end of ends.splice(0).reverse()) await end();
    await queue.catalog.query('DELETE FROM belay_server.webhooks');
    await queue.catalog.query('DELETE FROM belay_server.job_ends');
  });
  afterAll(() => queue?.close());
  return {
    get catalog() {
      return queue.catalog;
    },
    get webhooks() {
      return webhooks;
    },
    get secrets() {
      return secrets;
    },
    get queue() {
      return queue;
    },
    deliver: async ({ patience = patient, secrets: own = secrets, onError } = {}) => {
      const { catalog } = await queue.open();
      const deliveries = startDeliveries({
        ...{ catalog, secrets: own, addresses, patience, onError },
      });
      ends.unshift(() => deliveries.close());
    },
    receive: async (events, databases) => {
      const receiver = await startReceiver();
      ends.push(() => receiver.close());
      const order = { url: receiver.url, events: [...events] };
      const bound = databases === undefined ? {} : { databases: [...databases] };
      const { webhook, secret } = await webhooks.create({ ...order, ...bound });
      return { receiver, id: webhook.id, secret };
    },
    endJob: async (order, outcome) => {
      const { id } = await queue.jobs.add(order);
      const source = catalogSource({ catalog: queue.catalog, worker: 'tester', kinds: 'direct' });
      const claimed = await source.claim(30_000, new AbortController().signal);
      if (claimed?.id !== id) throw new Error(`took ${claimed?.id} instead of ${id}`);
      if (!(await source.finish(claimed, outcome))) throw new Error('the job was lost');
      return id;
    },
    whenOver: (id, count) =>
      until(`${count} messages are over`, async () => {
        const { deliveries } = await webhooks.deliveries(id);
        const over = deliveries.filter(({ state }) => state !== 'pending');
        return deliveries.length === count && over.length === count && deliveries;
      }),
  };
}
