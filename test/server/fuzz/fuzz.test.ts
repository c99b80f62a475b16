import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ApiOperation } from '../../support/api-operations.js';
import { itemsOf } from '../../support/targets.js';
import { jsonOf, makeWorld, type World } from '../access-matrix/world.js';
import { answerChecker } from './answer-check.js';
import { findInsides, LeakWatch } from './leaks.js';
import { type FuzzRequest, requestArbitrary } from './request-arbitrary.js';

const requestCount = 5_500;
const atOnce = 8;
/** Another seed is another run; the one of a failure is in its message. */
const seed = Number(process.env.BELAY_FUZZ_SEED ?? 20_261_122);
/** A minute or two on an idle machine. */
const patienceMs = 1_800_000;

let world: World;

beforeAll(async () => {
  // A small queue: what is asked too often is refused, and that has to be right as well.
  world = await makeWorld({ queueLimit: 6 });
  const spare = { name: 'spare', url: world.shop.url, environment: 'development' };
  await jsonOf(world.server, 'POST', '/api/databases', spare);
}, 120_000);

afterAll(async () => {
  await world?.end();
}, 120_000);

/** What is there, so that requests mean something. "shop" may be torn apart; nobody touches "other". */
const known = {
  ...{
    database: ['shop', 'shop', 'shop', 'nowhere'],
    reference: ['baseline', 'latest', 'nothing'],
  },
  ...{
    ref: ['baseline', 'latest'],
    a: ['baseline', 'live'],
    b: ['live', 'baseline'],
    id: ['tok_none', 'job_none'],
  },
  ...{
    confirm: ['shop'],
    tables: [['public.items']],
    to: ['shop_copy'],
    kind: ['direct', 'agent'],
  },
  // Of a place that there is not: nothing of this machine is to be reached.
  ...{ url: ['https://203.0.113.1/hook', 'postgres://nobody:secret-of-nobody@203.0.113.1:1/x'] },
  ...{ store: ['s3://nowhere/x', '../../etc', 'inner'], name: ['one', 'two', 'baseline'] },
};

/** Signing in again and again is throttled, and a stream never ends by itself: both have tests of their own. */
const left = ['POST /api/session', 'GET /api/jobs/{id}/events', 'POST /api/agent/claim'];

const isForgetting = ({ method, path }: ApiOperation) =>
  path === '/api/databases/{database}' && method !== 'GET';

function makeRequests(): FuzzRequest[] {
  const operations = world.operations.filter(
    ({ method, path }) => !left.includes(`${method} ${path}`),
  );
  const arbitraries = operations.map((one) =>
    // Forgetting "shop" would make all that follows a question about nothing.
    requestArbitrary(
      world.document,
      one,
      isForgetting(one) ? { ...known, database: ['spare'] } : known,
    ),
  );
  return fc.sample(fc.oneof(...arbitraries), { seed, numRuns: requestCount });
}

/** Callers of all kinds, mostly one who may do everything. */
async function makeTokens(): Promise<readonly string[]> {
  const { server } = world;
  const agent = await server.token('agent', ['shop']);
  const few = [await server.token('read'), await server.token('checkpoint', ['shop']), agent];
  return [...Array.from({ length: 9 }, () => server.admin), ...few];
}

const checks = { statuses: new Map<number, number>(), findings: [] as string[] };

interface Judges {
  readonly check: ReturnType<typeof answerChecker>;
  readonly leaks: LeakWatch;
}

async function send(
  { operation, url, headers, body, mutation }: FuzzRequest,
  token: string,
  { check, leaks }: Judges,
): Promise<string | undefined> {
  const answer = await world.server.fetch(url, { method: operation.method, headers, body, token });
  const text = await answer.text();
  checks.statuses.set(answer.status, (checks.statuses.get(answer.status) ?? 0) + 1);
  const contentType = answer.headers.get('content-type') ?? '';
  const leaked = leaks.find(text);
  const found =
    check(operation, { status: answer.status, contentType, text }) ??
    (leaked.length > 0 ? `it holds ${leaked.join(', ')}` : undefined) ??
    (answer.status >= 400 ? findInsides(text) : undefined);
  if (found === undefined) return undefined;
  return `${operation.method} ${url.slice(0, 200)} (${mutation ?? 'valid'}) ${body?.slice(0, 300)}: ${found}`;
}

/** Several at once, in the order of the seed. */
async function sendAll(
  requests: readonly FuzzRequest[],
  tokens: readonly string[],
  judges: Judges,
) {
  let next = 0;
  const worker = async () => {
    while (next < requests.length && checks.findings.length < 20) {
      const index = next++;
      const request = requests[index] as FuzzRequest;
      const finding = await send(request, tokens[index % tokens.length] as string, judges);
      if (finding !== undefined) checks.findings.push(`${index}: ${finding}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

interface FoundJob {
  readonly id: string;
  readonly database: string;
  readonly type: string;
  readonly state: string;
  readonly error: { readonly code: string; readonly message: string } | null;
}

async function allJobs(): Promise<FoundJob[]> {
  const jobs: FoundJob[] = [];
  let cursor: string | null = '';
  while (cursor !== null) {
    const at: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page = await jsonOf(world.server, 'GET', `/api/jobs?limit=200${at}`);
    jobs.push(...page.jobs);
    cursor = page.next;
  }
  return jobs;
}

async function agentDatabases(): Promise<string[]> {
  const { databases } = await jsonOf(world.server, 'GET', '/api/databases');
  const registered = databases as { readonly name: string; readonly kind: string }[];
  return registered.filter(({ kind }) => kind === 'agent').map(({ name }) => name);
}

const isOver = ({ state }: FoundJob) => !['queued', 'running'].includes(state);

test(
  'thousands of requests from the document: no bug, nothing leaked, every answer as declared',
  async () => {
    const password = new URL(world.shop.url).password;
    const secrets = {
      ...{
        'the password of the database': password,
        'an administrator’s token': world.server.admin,
      },
      ...{ 'a password that a request held': 'secret-of-nobody' },
    };
    const judges = { check: answerChecker(world.document), leaks: new LeakWatch(secrets) };
    await sendAll(makeRequests(), await makeTokens(), judges);
    expect(checks.findings, `BELAY_FUZZ_SEED=${seed}`).toEqual([]);
    const sent = [...checks.statuses.values()].reduce((sum, count) => sum + count, 0);
    expect(sent).toBe(requestCount);
    // The run has seen both sides of the door, or it has proven nothing.
    for (const status of [200, 202, 400, 403, 404]) {
      expect(checks.statuses.get(status), `answers with ${status}`).toBeGreaterThan(20);
    }

    // Accepted is accepted: each of them ends, but for those that wait for an agent that never comes.
    const agents = await agentDatabases();
    const open = async () =>
      (await allJobs()).filter((job) => !isOver(job) && !agents.includes(job.database));
    await expect.poll(open, { timeout: 900_000, interval: 1_000 }).toEqual([]);
    const bugs = (await allJobs()).filter(({ error }) => error?.code === 'BUG');
    expect(bugs, `BELAY_FUZZ_SEED=${seed}`).toEqual([]);
    expect(judges.leaks.find(world.server.logs())).toEqual([]);
    expect(await itemsOf(world.other.url)).toEqual(['rope', 'harness', 'belay device']);
    expect((await world.server.fetch('/readyz')).status).toBe(200);
  },
  patienceMs,
);
