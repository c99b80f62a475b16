import { randomBytes } from 'node:crypto';
import pg from 'pg';
import type { RehearsedSequence } from '../../src/domain/rehearsal.js';
import { type ExpectedTable, expectedSequences, expectedTables } from './rehearsal-oracle.js';
import { openCasts, readState } from './rehearsal-state.js';
import { createTestDatabase, type TestServer, withDatabase, withSession } from './servers.js';

/** A database and an exact copy of it, on which a migration may run. */
export interface CopiedDatabase {
  readonly name: string;
  readonly url: string;
  readonly copyUrl: string;
  readonly copyName: string;
}

/** Makes a database and its copy for as long as `work` runs. @param fill statements, or what fills it by its URL */
export async function withCopy<T>(
  server: TestServer,
  fill: string | ((url: string) => Promise<void>),
  work: (database: CopiedDatabase) => Promise<T>,
): Promise<T> {
  const { url, name, drop } = await createTestDatabase(server, { name: 'rehearsed' });
  const copyName = `${name}_copy_${randomBytes(3).toString('hex')}`;
  const copy = pg.escapeIdentifier(copyName);
  try {
    await (typeof fill === 'string' ? withSession(url, (client) => client.query(fill)) : fill(url));
    await withSession(server.adminUrl, (client) =>
      client.query(`CREATE DATABASE ${copy} TEMPLATE ${pg.escapeIdentifier(name)}`),
    );
    return await work({ name, url, copyName, copyUrl: withDatabase(server.adminUrl, copyName) });
  } finally {
    await withSession(server.adminUrl, (client) =>
      client.query(`DROP DATABASE IF EXISTS ${copy} WITH (FORCE)`),
    );
    await drop();
  }
}

/** What really happened between two databases, found by reading all of both. */
export async function bruteForce(urls: {
  readonly before: string;
  readonly after: string;
}): Promise<{ tables: ExpectedTable[]; sequences: RehearsedSequence[] }> {
  const [before, after] = await Promise.all([readState(urls.before), readState(urls.after)]);
  const casts = await openCasts(urls.after);
  try {
    const tables = await expectedTables(before, after, casts.castBack);
    return { tables, sequences: expectedSequences(before, after) };
  } finally {
    await casts.close();
  }
}
