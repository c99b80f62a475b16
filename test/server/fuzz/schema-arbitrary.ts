import fc from 'fast-check';
import { type ApiDocument, type JsonSchema, resolveSchema } from '../../support/api-operations.js';

/** Texts that names and references are, and texts that break things. */
const words = [
  ...[
    'baseline',
    'latest',
    '~1',
    '@2026-11-20',
    'live',
    'version:1',
    'feature/x',
    '7d',
    '0 3 * * *',
  ],
  ...[
    '@daily',
    'UTC',
    'Europe/Berlin',
    'public.items',
    '2027-01-01T00:00:00Z',
    'forever',
    '1',
    '0',
  ],
  ...['SELECT 1', 'ALTER TABLE items ADD COLUMN more int', 'DROP TABLE items', 'SELECT'],
];
export const hostileTexts = [
  ...[
    "'",
    '"',
    "'; DROP TABLE items; --",
    '\\',
    '\n',
    '\r\n',
    '\t',
    '\u0000',
    'a\u0000b',
    '\ud800',
  ],
  ...[
    '-x',
    '--help',
    '=',
    'a=b',
    '../',
    '../../etc/passwd',
    '..%2f..%2fetc',
    '%2e%2e',
    '%',
    '%00',
    '/',
  ],
  ...[
    '',
    ' ',
    '.',
    '..',
    '~',
    '{}',
    '[]',
    '{{x}}',
    '$(id)',
    '`id`',
    '|id',
    '<script>alert(1)</script>',
  ],
  ...[
    'ä',
    '日本語',
    '🧗',
    '\u202e',
    '\ufeff',
    'I\u0307',
    'x'.repeat(10_000),
    'NULL',
    'undefined',
    '__proto__',
  ],
  ...['constructor', 'postgres://postgres@127.0.0.1/postgres', 'file:///etc/passwd', 's3://x/y'],
];

/** What names usually mean, so that requests get past the door. */
export type Known = Readonly<Record<string, readonly unknown[]>>;

interface Making {
  readonly document: ApiDocument;
  readonly known: Known;
}

const allowsText = (schema: JsonSchema) => {
  const least = Number(schema.minLength ?? 0);
  const most = Number(schema.maxLength ?? 200);
  const pattern = typeof schema.pattern === 'string' ? new RegExp(schema.pattern, 'u') : /(?:)/;
  return (text: string) => text.length >= least && text.length <= most && pattern.test(text);
};

function textArbitrary(schema: JsonSchema): fc.Arbitrary<string> {
  const isAllowed = allowsText(schema);
  const fixed = [...words, ...hostileTexts].filter(isAllowed);
  // A pattern that none of the texts fits is one of a time or an id.
  const some = fixed.length > 0 ? fixed : ['2027-01-01T00:00:00Z'];
  const free = fc
    .string({ unit: 'binary', maxLength: 20 })
    .map((text) => (isAllowed(text) ? text : 'tag_1'));
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...some) },
    { weight: 1, arbitrary: free },
  );
}

function numberArbitrary(schema: JsonSchema): fc.Arbitrary<number> {
  const min = Number(schema.minimum ?? schema.exclusiveMinimum ?? -1_000);
  const max = Math.min(Number(schema.maximum ?? 1_000), 1e9);
  return fc.integer({ min: Math.ceil(min), max: Math.max(Math.ceil(min), max) });
}

function objectArbitrary(schema: JsonSchema, making: Making): fc.Arbitrary<unknown> {
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>;
  const required = (schema.required ?? []) as string[];
  const model = Object.fromEntries(
    Object.entries(properties).map(([name, one]) => [name, namedArbitrary(name, one, making)]),
  );
  const known = fc.record(model, { requiredKeys: required });
  if (typeof schema.additionalProperties !== 'object') return known;
  return fc.dictionary(fc.constantFrom('tag', 'description', 'olderThan', 'x'), fc.jsonValue(), {
    maxKeys: 2,
  });
}

/** Of a name that the world has values for, mostly one of those. */
export function namedArbitrary(
  name: string,
  schema: JsonSchema,
  making: Making,
): fc.Arbitrary<unknown> {
  const values = making.known[name];
  const any = schemaArbitrary(schema, making);
  if (!values) return any;
  return fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...values) },
    { weight: 1, arbitrary: any },
  );
}

/** Values that a schema allows. */
export function schemaArbitrary(given: JsonSchema, making: Making): fc.Arbitrary<unknown> {
  const schema = resolveSchema(making.document, given);
  if ('const' in schema) return fc.constant(schema.const);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum);
  const variants = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined;
  if (variants) return fc.oneof(...variants.map((one) => schemaArbitrary(one, making)));
  switch (schema.type) {
    case 'string':
      return textArbitrary(schema);
    case 'integer':
    case 'number':
      return numberArbitrary(schema);
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      return fc.array(schemaArbitrary((schema.items ?? {}) as JsonSchema, making), {
        minLength: Number(schema.minItems ?? 0),
        maxLength: Math.min(3, Number(schema.maxItems ?? 3)),
      });
    case 'object':
      return objectArbitrary(schema, making);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}
