/**
 * What somebody writes who has nothing but the API's document: makes a checkpoint and reads the timeline. The test generates
 * `api.ts` beside a copy of this file, checks both with TypeScript and runs them against a server.
 */
import createClient from 'openapi-fetch';
import type { paths } from './api.js';

declare const process: {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdout: { write(text: string): void };
};

const [baseUrl = '', database = '', tag = ''] = process.argv.slice(2);
const headers = { authorization: `Bearer ${process.env.BELAY_TOKEN}` };
const client = createClient<paths>({ baseUrl, headers });

const made = await client.POST('/api/checkpoint', { body: { database, tag } });
// 202 would be a job: for who asks not to wait.
if (!made.data || !('restore_drill' in made.data)) {
  throw new Error(`no checkpoint: ${JSON.stringify(made.error ?? made.data)}`);
}

const timeline = await client.GET('/api/snapshots', { params: { query: { database } } });
if (!timeline.data) throw new Error(`no timeline: ${JSON.stringify(timeline.error)}`);

// The same again: an error has the fields of a problem, and the types know them.
const again = await client.POST('/api/checkpoint', { body: { database, tag } });
const code: string | undefined = again.error?.code;

const facts = {
  drill: made.data.restore_drill,
  size: made.data.size,
  tags: timeline.data.snapshots.map((snapshot) => snapshot.tag),
  code,
};
process.stdout.write(`${JSON.stringify(facts)}\n`);

/** Never called: what the types must refuse. */
export async function mustNotCompile(): Promise<void> {
  // @ts-expect-error a tag is a text
  await client.POST('/api/checkpoint', { body: { database, tag: 1 } });
  // @ts-expect-error the database is missing
  await client.POST('/api/checkpoint', { body: { tag } });
  // @ts-expect-error a path that there is not
  await client.GET('/api/everything');
}
