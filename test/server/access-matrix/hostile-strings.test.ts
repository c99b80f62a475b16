import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type ApiOperation,
  fillPath,
  type JsonSchema,
  nameOf,
} from '../../support/api-operations.js';
import { testServers } from '../../support/servers.js';
import { databasesOf, itemsOf } from '../../support/targets.js';
import { findInsides } from '../fuzz/leaks.js';
import { hostileTexts } from '../fuzz/schema-arbitrary.js';
import { jsonOf, makeWorld, type World } from './world.js';

let world: World;
let databasesBefore: string[];

beforeAll(async () => {
  world = await makeWorld();
  const spare = { name: 'spare', url: world.shop.url, environment: 'development' };
  await jsonOf(world.server, 'POST', '/api/databases', spare);
  databasesBefore = await databases();
}, 120_000);

afterAll(async () => {
  await world?.end();
}, 120_000);

function databases(): Promise<string[]> {
  const [postgres] = testServers();
  return postgres ? databasesOf(postgres, world.shop.name) : Promise.resolve([]);
}

/** Where a caller writes text, with all else as it should be. */
interface Place {
  readonly operation: ApiOperation;
  /** "path database", "query q", "body tag". */
  readonly where: string;
  request(text: string): { readonly url: string; readonly body: string | undefined };
}

const plain: Readonly<Record<string, string>> = {
  database: 'shop',
  ref: 'nothing',
  id: 'none',
  name: 'nothing',
};
/** A text that is a good URL or store is taken: what is changed then must be nobody else's. */
const plainOf = ({ path }: ApiOperation) =>
  path === '/api/databases/{database}' ? { ...plain, database: 'spare' } : plain;

const isText = (schema: JsonSchema) => schema.type === 'string' && !schema.enum;

function placesOf(operation: ApiOperation): Place[] {
  const required = operation.parameters.filter((one) => one.in === 'query' && one.required);
  const query = (changed: Record<string, string>) => {
    const values = {
      ...Object.fromEntries(required.map(({ name }) => [name, plain[name] ?? 'x'])),
      ...changed,
    };
    const parts = Object.entries(values).map(
      ([name, value]) => `${name}=${encodeURIComponent(value)}`,
    );
    return parts.length === 0 ? '' : `?${parts.join('&')}`;
  };
  const body = operation.body === undefined ? undefined : JSON.stringify(validBody(operation.body));
  const parameters = operation.parameters
    .filter((one) => one.in !== 'header' && isText(one.schema) && one.name !== 'async')
    .map(
      ({ name, in: where }): Place => ({
        ...{ operation, where: `${where} ${name}` },
        request: (text) => ({
          url:
            where === 'path'
              ? `${fillPath(operation.path, { ...plainOf(operation), [name]: text })}${query({})}`
              : `${fillPath(operation.path, plainOf(operation))}${query({ [name]: text })}`,
          body,
        }),
      }),
    );
  const properties = Object.entries(
    (operation.body?.properties ?? {}) as Record<string, JsonSchema>,
  );
  const fields = properties
    .filter(([, schema]) => isText(schema) || isText((schema.items ?? {}) as JsonSchema))
    .map(
      ([name, schema]): Place => ({
        ...{ operation, where: `body ${name}` },
        request: (text) => {
          const value = schema.type === 'array' ? [text] : text;
          const changed = { ...validBody(operation.body as JsonSchema), [name]: value };
          return {
            url: `${fillPath(operation.path, plainOf(operation))}${query({})}`,
            body: JSON.stringify(changed),
          };
        },
      }),
    );
  return [...parameters, ...fields];
}

/** What the required fields hold: references that there are not, so that a hostile text is all that could do anything. */
function validBody(schema: JsonSchema): Record<string, unknown> {
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>;
  const values: Record<string, unknown> = {
    ...plain,
    sql: 'SELECT 1',
    cron: '@yearly',
    scopes: ['read'],
  };
  const events = { events: ['webhook.test'], password: 'correct horse battery', type: 'drift' };
  const all: Record<string, unknown> = {
    ...values,
    ...events,
    url: 'https://203.0.113.1/x',
    tag: 'a tag',
  };
  const names = ((schema.required ?? []) as string[]).filter((name) => name in properties);
  return Object.fromEntries(names.map((name) => [name, all[name] ?? 'nothing']));
}

/**
 * Free text, where quotes and anything else may stand: it is kept as it is. Branches and migrations are called what people call
 * them; the names of databases and files are made from that.
 */
const isFree = ({ operation: { path, beginsJob }, where }: Place): boolean =>
  /^(body (description|sql|password|input|confirm)|query (q|confirm|cursor))$/.test(where) ||
  (/ (name|from)$/.test(where) && (!beginsJob || /^\/api\/(branches|plans|rehearsals)/.test(path)));

/** What no name of anything may hold; a folder of a store may have any name below its root. */
const mustBeRefused = /\0|\n|\p{Cs}|\.\.\/|DROP TABLE|^x{10000}$/u;
const noFolder = /\0|\p{Cs}|\.\.\//u;

/** Work takes its time: the texts that have broken programs before. */
const few = [
  "'; DROP TABLE items; --",
  '../../etc/passwd',
  'a\u0000b',
  '-x',
  '',
  '\ud800',
  'x'.repeat(10_000),
];

async function findWrong(place: Place): Promise<string[]> {
  const { operation } = place;
  const isWork =
    operation.beginsJob &&
    place.where !== 'body database' &&
    !place.where.startsWith('path database');
  const wrong: string[] = [];
  for (const text of isWork ? few : hostileTexts) {
    // Half a character cannot be sent in an address at all.
    if (/\p{Cs}/u.test(text) && !place.where.startsWith('body')) continue;
    const { url, body } = place.request(text);
    const answer = await world.server.fetch(url, { method: operation.method, body });
    const found = await answer.text();
    const inside = answer.status >= 400 ? findInsides(found) : undefined;
    if (answer.status >= 500 || inside !== undefined) {
      wrong.push(
        `${nameOf(operation)} ${place.where} ${JSON.stringify(text.slice(0, 40))}: ${answer.status} ${found.slice(0, 300)}`,
      );
    }
    if (
      answer.status < 400 &&
      !isFree(place) &&
      (place.where === 'body store' ? noFolder : mustBeRefused).test(text)
    ) {
      wrong.push(
        `${nameOf(operation)} ${place.where} ${JSON.stringify(text.slice(0, 40))} was taken: ${answer.status}`,
      );
    }
  }
  return wrong;
}

describe('hostile texts in every place are refused and change nothing', () => {
  test('everywhere', async () => {
    const operations = world.operations.filter(
      ({ scope, path }) => scope !== 'agent' && path !== '/api/session',
    );
    const places = operations.flatMap(placesOf);
    expect(places.length).toBeGreaterThan(80);
    const wrong: string[] = [];
    const left = [...places];
    const worker = async () => {
      for (let place = left.shift(); place; place = left.shift())
        wrong.push(...(await findWrong(place)));
    };
    await Promise.all(Array.from({ length: 6 }, worker));
    expect(wrong).toEqual([]);
  }, 1_500_000);

  test('nothing has come of it', async () => {
    const { snapshots } = await jsonOf(
      world.server,
      'GET',
      '/api/snapshots?database=shop&limit=200',
    );
    const tags = (snapshots as { readonly tag: string }[]).map(({ tag }) => tag);
    expect(tags).toContain('baseline');
    expect(tags.filter((tag) => mustBeRefused.test(tag))).toEqual([]);
    expect(await itemsOf(world.shop.url)).toEqual(['rope', 'harness', 'belay device']);
    expect(await itemsOf(world.other.url)).toEqual(['rope', 'harness', 'belay device']);
    expect(await databases()).toEqual(expect.arrayContaining(databasesBefore));
    const jobs = (await jsonOf(world.server, 'GET', '/api/jobs?limit=200')).jobs;
    expect(
      jobs.filter((job: { error: { code: string } | null }) => job.error?.code === 'BUG'),
    ).toEqual([]);
  });
});

/** As it stands, without what a browser does to an address. */
function sendRaw(
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { host: '127.0.0.1', port: world.server.port, path, headers },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (chunk: string) => {
          text += chunk;
        });
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

describe('addresses that climb', () => {
  const paths = [
    ...['/../../../../etc/passwd', '/..%2f..%2f..%2fetc%2fpasswd', '/%2e%2e/%2e%2e/etc/passwd'],
    ...[
      '/assets/../../package.json',
      '/assets/..%2f..%2f..%2fpackage.json',
      '/assets/%2e%2e%2f%2e%2e%2fpackage.json',
    ],
    ...[
      '/assets/....//....//package.json',
      '//etc/passwd',
      '/\\..\\..\\etc\\passwd',
      '/assets/%5c..%5c..%5cpackage.json',
    ],
    ...[
      '/api/../../package.json',
      '/api/snapshots/shop/..%2f..%2f..%2fpackage.json',
      '/%00/etc/passwd',
    ],
    ...['/assets/%c0%ae%c0%ae/package.json', '/file:///etc/passwd', '/assets/index.html%00.js'],
  ];
  test.each(paths)('%s gives nothing of the machine', async (path) => {
    const { status, text } = await sendRaw(path, { host: `127.0.0.1:${world.server.port}` });
    expect(status).toBeLessThan(500);
    expect(text).not.toMatch(/root:|"workspaces"|"name": "belaydb"/);
  });
});

describe('forged names', () => {
  const hosts = [
    ...[
      'evil.example',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      'evil.example:80',
      '[::ffff:7f00:1]',
    ],
    ...['127.0.0.1@evil.example', '0', '2130706433', '0x7f000001', 'LOCALHOST.', '..', "'"],
  ];
  test.each(hosts)('Host %j is refused on every route, with a token as well', async (host) => {
    const wrong: string[] = [];
    for (const path of ['/', '/api/session', '/api/databases', '/metrics', '/api/openapi.json']) {
      const headers = { host, authorization: `Bearer ${world.server.admin}` };
      const { status } = await sendRaw(path, headers);
      if (status !== 403 && status !== 400) wrong.push(`${path}: ${status}`);
    }
    expect(wrong).toEqual([]);
  });

  const origins = [
    'https://evil.example',
    'null',
    'http://localhost.evil.example',
    'file://',
    'http://127.0.0.1:1',
    '',
  ];
  test.each(origins)(
    'a page of the origin %j signs nobody in and does nothing with a session',
    async (origin) => {
      const { server } = world;
      const credentials = { token: server.admin };
      const signIn = await server.fetch('/api/session', {
        method: 'POST',
        token: null,
        body: credentials,
        headers: { origin },
      });
      expect([400, 403]).toContain(signIn.status);
      const good = await server.fetch('/api/session', {
        method: 'POST',
        token: null,
        body: credentials,
      });
      const { csrf } = (await good.json()) as { readonly csrf: string };
      const cookie = good.headers.get('set-cookie')?.split(';')[0] ?? '';
      const answer = await server.fetch('/api/tokens', {
        ...{ method: 'POST', token: null, body: { scopes: ['admin'] } },
        headers: { origin, cookie, 'x-csrf-token': csrf },
      });
      expect(answer.status).toBe(403);
    },
  );
});
