import fc from 'fast-check';
import { type ApiDocument, type ApiOperation, fillPath } from '../../support/api-operations.js';
import { hostileTexts, type Known, namedArbitrary, schemaArbitrary } from './schema-arbitrary.js';

/** One request, ready to be sent. */
export interface FuzzRequest {
  readonly operation: ApiOperation;
  /** With the query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** What was done to make it wrong; undefined: it is as the document says. */
  readonly mutation: string | undefined;
}

type Mutation = (body: unknown) => string;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Replaces one field of a body, whichever the number says. */
function withField(body: unknown, index: number, value: unknown): string {
  if (!isObject(body)) return JSON.stringify(value);
  const keys = Object.keys(body);
  const key = keys[index % Math.max(1, keys.length)] ?? 'database';
  return JSON.stringify({ ...body, [key]: value });
}

const strange: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(...hostileTexts),
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(-1, 0, 1e308, 2 ** 53, 0.5, true, null, [], {}, [[[[[[]]]]]]),
);

const mutations: fc.Arbitrary<readonly [string, Mutation]> = fc.oneof(
  fc.tuple(fc.nat(20), strange).map(([index, value]) => {
    return ['another value', (body: unknown) => withField(body, index, value)] as const;
  }),
  fc
    .tuple(fc.constantFrom(...hostileTexts, 'admin', 'scopes', 'confirm', 'to'), strange)
    .map(([name, value]) => {
      const add = (body: unknown) =>
        JSON.stringify({ ...(isObject(body) ? body : {}), [name]: value });
      return ['another field', add] as const;
    }),
  fc.nat(20).map((index) => {
    const drop = (body: unknown) => {
      const entries = Object.entries(isObject(body) ? body : {});
      return JSON.stringify(
        Object.fromEntries(entries.filter((_one, at) => at !== index % (entries.length || 1))),
      );
    };
    return ['a field less', drop] as const;
  }),
  fc.string({ unit: 'binary', maxLength: 50 }).map((text) => ['no JSON', () => text] as const),
  fc
    .nat(100)
    .map(
      (at) => ['cut off', (body: unknown) => (JSON.stringify(body) ?? '').slice(0, at)] as const,
    ),
  fc.jsonValue().map((value) => ['another document', () => JSON.stringify(value)] as const),
  fc.constant(['deep', () => `${'['.repeat(2_000)}${']'.repeat(2_000)}`] as const),
);

/**
 * Requests to one operation: about half of them as the document says, the others wrong in one way.
 * @param tokens what callers send, by weight
 */
export function requestArbitrary(
  document: ApiDocument,
  operation: ApiOperation,
  known: Known,
): fc.Arbitrary<FuzzRequest> {
  const making = { document, known };
  const model = (where: 'path' | 'query' | 'header') =>
    Object.fromEntries(
      operation.parameters
        .filter((one) => one.in === where && one.name !== 'Prefer' && one.name !== 'async')
        .map(({ name, schema }) => [name, namedArbitrary(name, schema, making)]),
    );
  const required = operation.parameters.filter((one) => one.required).map(({ name }) => name);
  const query = model('query');
  const headers = model('header');
  return fc
    .record({
      path: fc.record(model('path')),
      query: fc.record(query, { requiredKeys: required.filter((name) => name in query) }),
      headers: fc.record(headers, { requiredKeys: [] }),
      body: operation.body ? schemaArbitrary(operation.body, making) : fc.constant(undefined),
      mutation: fc.option(mutations, { freq: 2 }),
      hostile: fc.option(fc.constantFrom(...hostileTexts), { freq: 8 }),
      isSynchronous: fc.nat(60).map((one) => one === 0),
    })
    .map(({ path, query: asked, body, mutation, hostile, headers: said, isSynchronous }) => {
      const values = Object.fromEntries(
        Object.entries(path).map(([name, value]) => [name, segment(text(hostile ?? value))]),
      );
      const isWrong = mutation !== null && body !== undefined;
      return {
        operation,
        url: `${fillPath(operation.path, values)}${queryText(asked)}`,
        headers: { ...headersOf(said), ...(isSynchronous ? {} : { prefer: 'respond-async' }) },
        body: body === undefined ? undefined : isWrong ? mutation[1](body) : JSON.stringify(body),
        mutation: isWrong ? mutation[0] : hostile === null ? undefined : 'hostile path',
      };
    });
}

/** `encodeURIComponent` refuses half characters, which nobody can send in a URL anyway. */
const text = (value: unknown): string =>
  String(value)
    .replaceAll(/\p{Cs}/gu, '?')
    .slice(0, 4_000) || '-';

/** A client takes "." and ".." out of an address before it sends it: what is sent raw has a test of its own. */
const segment = (value: string): string => (/^\.{1,2}$/.test(value) ? `${value}x` : value);

function queryText(query: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const entries = given.map(([name, value]) => `${name}=${encodeURIComponent(text(value))}`);
  return entries.length === 0 ? '' : `?${entries.join('&')}`;
}

/** Headers hold visible ASCII; other bytes are refused by the client itself. */
function headersOf(values: Readonly<Record<string, unknown>>): Record<string, string> {
  const clean = Object.entries(values).map(([name, value]) => [
    name.toLowerCase(),
    text(value)
      .replaceAll(/[^\x21-\x7e]/g, '_')
      .slice(0, 300),
  ]);
  return Object.fromEntries(clean);
}
