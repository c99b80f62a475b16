import type { Context } from 'hono';
import { z } from 'zod';
import { BelayError } from '../../errors.js';
import type { ApiEnv } from './api.js';
import { RequestRefused } from './problem.js';

/** A migration's SQL is the largest thing that is ever sent. */
const maxBodyBytes = 5 * 1024 * 1024;

/**
 * Checks what came against a schema.
 * @param where "body", "query" or "path", for the message
 * @throws BelayError BAD_REQUEST naming the field, never its value: it may be a secret
 */
export function parseWith<T extends z.ZodType>(
  schema: T,
  value: unknown,
  where: string,
): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issues = result.error.issues.slice(0, 5).map((issue) => describeIssue(issue));
  throw new BelayError(
    'BAD_REQUEST',
    `the ${where} is not what it should be: ${issues.join('; ')}`,
    {
      hint: 'See /api/docs for what each route takes.',
    },
  );
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const field = issue.path.map(String).join('.').slice(0, 200);
  const at = field === '' ? '' : `${field}: `;
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.slice(0, 5).map((key) => JSON.stringify(key.slice(0, 60)));
    return `${at}nothing is called ${keys.join(', ')}`;
  }
  if (issue.code === 'invalid_value') {
    return `${at}expected ${issue.values.map((one) => JSON.stringify(one)).join(' or ')}`;
  }
  return `${at}${issue.message}`;
}

/** @throws BelayError BAD_REQUEST for a parameter given twice */
export function readQuery(c: Context<ApiEnv>): Record<string, string> {
  const query: Record<string, string> = {};
  const start = c.req.url.indexOf('?');
  if (start < 0) return query;
  for (const [name, value] of new URLSearchParams(c.req.url.slice(start + 1))) {
    if (Object.hasOwn(query, name)) {
      throw new BelayError(
        'BAD_REQUEST',
        `the query has ${JSON.stringify(name.slice(0, 60))} twice`,
      );
    }
    Object.defineProperty(query, name, { value, enumerable: true });
  }
  checkTexts(query);
  return query;
}

/**
 * Reads a JSON body, at most `maxBodyBytes`. An empty one is an empty object: where everything may be left out, all of it may.
 * @throws BelayError BAD_REQUEST (400, 413, 415)
 */
export async function readBody(c: Context<ApiEnv>): Promise<unknown> {
  const isSession = c.req.header('authorization') === undefined;
  const type = c.req.header('content-type');
  // Forms of other pages can send anything but JSON; a script's `curl -d` may call it what it likes.
  if (isSession && type !== undefined && !/^application\/json\s*(;|$)/i.test(type)) {
    throw new RequestRefused('BAD_REQUEST', 'the body has to be application/json', { status: 415 });
  }
  const text = await readText(c);
  if (text.trim() === '') return {};
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which may hold a password.
    throw new BelayError('BAD_REQUEST', 'the body is not JSON');
  }
  checkTexts(value);
  return value;
}

async function readText(c: Context<ApiEnv>): Promise<string> {
  const length = c.req.header('content-length');
  // Node itself gives no more than the length that was announced.
  if (length !== undefined) {
    if (Number(length) > maxBodyBytes) throw tooLarge();
    return decode(new Uint8Array(await c.req.arrayBuffer()));
  }
  const body = c.req.raw.body;
  if (!body) return '';
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body as unknown as AsyncIterable<Uint8Array>) {
    size += part.byteLength;
    if (size > maxBodyBytes) throw tooLarge();
    parts.push(part);
  }
  return decode(Buffer.concat(parts));
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new BelayError('BAD_REQUEST', 'the body is not UTF-8');
  }
}

function tooLarge(): RequestRefused {
  return new RequestRefused('BAD_REQUEST', 'the body is larger than 5 MB', {
    status: 413,
    headers: { connection: 'close' },
  });
}

const maxDepth = 32;

/** PostgreSQL keeps neither NUL nor half of a character: no text with one gets any further. */
export function checkTexts(value: unknown, depth = 0): void {
  if (typeof value === 'string') {
    if (value.includes('\u0000') || /\p{Surrogate}/u.test(value)) {
      throw new BelayError('BAD_REQUEST', 'a text holds NUL or half of a character');
    }
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth > maxDepth) throw new BelayError('BAD_REQUEST', 'the body is nested too deeply');
  for (const [key, one] of Object.entries(value)) {
    checkTexts(key, depth + 1);
    checkTexts(one, depth + 1);
  }
}

/** "true" or "false" in a query. */
export const queryFlag = z
  .enum(['true', 'false'])
  .transform((text) => text === 'true')
  .meta({ type: 'string', enum: ['true', 'false'] });

/** How a page of a list is asked for. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).optional(),
  cursor: z.string().min(1).max(500).optional(),
};
