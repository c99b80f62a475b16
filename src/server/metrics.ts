import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { jobStates } from '../contract/job.js';
import type { Observe } from './http/request-frame.js';
import type { Services } from './services.js';
import { inventorySoon } from './timeline/known-inventories.js';
import { lastProven } from './timeline/lean-snapshot.js';

export interface Metrics {
  readonly observe: Observe;
  /** The text of the Prometheus exposition format. */
  read(services: Services): Promise<string>;
  readonly contentType: string;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const observe = observeRequests(registry);
  const facts = createFacts(registry);
  collectDefaultMetrics({ register: registry });
  return {
    observe,
    contentType: registry.contentType,
    read: async (services) => {
      await Promise.all([facts.readDatabases(services), facts.readJobs(services)]);
      return registry.metrics();
    },
  };
}

function observeRequests(registry: Registry): Observe {
  const requests = new Counter({
    name: 'belay_http_requests_total',
    help: 'Requests by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    registers: [registry],
  });
  const durations = new Histogram({
    name: 'belay_http_request_duration_seconds',
    help: 'How long requests took; those that wait for a job take as long as the job.',
    labelNames: ['route'],
    buckets: [0.005, 0.05, 0.5, 5, 60, 600],
    registers: [registry],
  });
  // Looking up labels takes longer than counting; there are only so many of them.
  const known = new Map<string, { count(): void; took(seconds: number): void }>();
  return ({ method, route, status, durationMs }) => {
    const key = `${method} ${route} ${status}`;
    let one = known.get(key);
    if (!one) {
      const counter = requests.labels({ method, route, status });
      const histogram = durations.labels({ route });
      one = { count: () => counter.inc(), took: (seconds) => histogram.observe(seconds) };
      known.set(key, one);
    }
    one.count();
    one.took(durationMs / 1_000);
  };
}

function createFacts(registry: Registry) {
  const gauge = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const age = gauge(
    'belay_last_proven_checkpoint_age_seconds',
    'Time since the newest checkpoint was taken that was restored and compared; +Inf: there is none.',
    ['database'],
  );
  const reachable = gauge('belay_database_reachable', 'Whether the last look at it succeeded.', [
    'database',
  ]);
  const snapshots = gauge('belay_snapshots', 'Snapshots of the timeline.', ['database']);
  const sizes = gauge('belay_database_size_bytes', 'Logical size of the live database.', [
    'database',
  ]);
  const jobs = gauge('belay_jobs', 'Jobs of the last 90 days by state.', ['state']);
  const queue = gauge('belay_queue_length', 'Jobs that wait.', []);
  return {
    readDatabases: async (services: Services) => {
      const all = await services.databases.list();
      const known = await Promise.all(all.map(({ name }) => inventorySoon(services, name)));
      for (const one of [age, reachable, snapshots, sizes]) one.reset();
      for (const inventory of known) {
        const { database, problem, sizeBytes } = inventory;
        const proven = lastProven(inventory);
        const seconds = proven ? (Date.now() - Date.parse(proven.at)) / 1_000 : Infinity;
        age.set({ database }, Math.max(0, seconds));
        reachable.set({ database }, problem === null ? 1 : 0);
        snapshots.set({ database }, inventory.snapshots.length);
        if (sizeBytes !== null) sizes.set({ database }, sizeBytes);
      }
    },
    readJobs: async ({ catalog }: Services) => {
      const rows = await catalog.query<{ state: string; count: string }>(
        'SELECT state, count(*) FROM belay_server.jobs GROUP BY state',
        [],
        'counting jobs',
      );
      const counts = new Map(rows.map(({ state, count }) => [state, Number(count)]));
      for (const state of jobStates) jobs.set({ state }, counts.get(state) ?? 0);
      queue.set(counts.get('queued') ?? 0);
    },
  };
}
