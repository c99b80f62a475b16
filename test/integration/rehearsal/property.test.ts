import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rehearseMigration } from '../../../src/features/rehearsal/rehearse.js';
import { compareStates } from '../../../src/postgres/rehearsal/compare-states.js';
import { readStartMark } from '../../../src/postgres/rehearsal/start-mark.js';
import type { Session } from '../../../src/postgres/session.js';
import { openSession } from '../../support/open-session.js';
import { differencesOf } from '../../support/rehearsal-differences.js';
import { databaseSql, randomDatabase } from '../../support/rehearsal-random-database.js';
import { randomMigration, runMigration } from '../../support/rehearsal-random-migration.js';
import { bruteForce, type CopiedDatabase, withCopy } from '../../support/rehearsal-scene.js';
import { makeProject } from '../../support/rehearsal-tools.js';
import { type TestServer, testServers, withSession } from '../../support/servers.js';
import { rowsOf, withTarget } from '../../support/targets.js';

const rounds = Number(process.env.BELAY_FAULT_ROUNDS || 1);
const seed = process.env.BELAY_PROPERTY_SEED;

/** For a machine that does much else. Shrinking runs many more; whatever it has found by then is printed. */
const timeLimitMs = 200_000 + rounds * 60_000;

const options = (numRuns: number) => ({
  numRuns,
  ...(seed === undefined ? {} : { seed: Number(seed) }),
  interruptAfterTimeLimit: timeLimitMs,
  markInterruptAsFailure: true,
});

async function markOf(server: TestServer, database: string) {
  const [row] = await rowsOf(
    server.adminUrl,
    'SELECT oid::int AS oid FROM pg_database WHERE datname = $1',
    [database],
  );
  const session = await openSession(server.adminUrl);
  try {
    return { oid: row.oid as number, mark: await readStartMark(session, row.oid) };
  } finally {
    await session.close();
  }
}

async function compare(database: CopiedDatabase, given: Awaited<ReturnType<typeof markOf>>) {
  const sessions: Session[] = [];
  const opener = (url: string) => async () => {
    const session = await openSession(url);
    sessions.push(session);
    return session;
  };
  const sides = { before: opener(database.url), after: opener(database.copyUrl) };
  try {
    return await compareStates(sides, { mark: given.mark, afterOid: given.oid });
  } finally {
    for (const session of sessions) await session.close();
  }
}

/** Runs a file of statements, as a tool of nobody's would. */
const program = `
  import { readFileSync } from 'node:fs';
  import pg from 'pg';
  const client = new pg.Client(process.env.DATABASE_URL);
  await client.connect();
  for (const statement of JSON.parse(readFileSync('statements.json', 'utf8'))) await client.query(statement);
  await client.end();`;

async function rehearse(url: string, statements: readonly string[], isCommand: boolean) {
  const folder = makeProject({
    'store/': '',
    'run.mjs': program,
    'statements.json': JSON.stringify(statements),
    'script.sql': `${statements.join(';\n')};\n`,
  });
  const what = isCommand
    ? { command: [process.execPath, 'run.mjs'] as const }
    : { inputs: [join(folder, 'script.sql')] };
  const env = { BELAY_STORE: join(folder, 'store'), DATABASE_URL: url };
  return withTarget(url, (target) => rehearseMigration(target, { ...what, cwd: folder }), env);
}

describe.each(testServers())('any migration on $name', (server) => {
  const timeout = timeLimitMs + 60_000;

  it('is measured as reading all of before and after finds it', { timeout }, async () => {
    const property = fc.asyncProperty(randomDatabase, randomMigration, (tables, migration) =>
      withCopy(server, databaseSql(tables), async (database) => {
        const mark = await markOf(server, database.copyName);
        const script = await withSession(database.copyUrl, (client) =>
          runMigration(client, migration),
        );
        const found = await compare(database, mark);
        const expected = await bruteForce({ before: database.url, after: database.copyUrl });
        expect(differencesOf(found, expected), script.join(';\n')).toEqual([]);
      }),
    );
    await fc.assert(property, options(10 * rounds));
  });

  it('is rehearsed as it runs for real, from a file and by a command', { timeout }, async () => {
    const property = fc.asyncProperty(
      randomDatabase,
      randomMigration,
      fc.boolean(),
      async (tables, migration, isCommand) => {
        const sql = databaseSql(tables);
        const statements = await withCopy(server, sql, ({ copyUrl }) =>
          withSession(copyUrl, (client) => runMigration(client, migration)),
        );
        await withCopy(server, sql, async ({ url, copyUrl }) => {
          // What was refused may have left its mark, e.g. on a sequence: here run the others alone, as in a rehearsal.
          await withSession(copyUrl, async (client) => {
            for (const statement of statements) await client.query(statement);
          });
          const rehearsal = await rehearse(url, statements, isCommand);
          const script = statements.join(';\n');
          expect(rehearsal, script).toMatchObject({ ok: true, exitCode: 0, errors: [] });
          const expected = await bruteForce({ before: url, after: copyUrl });
          expect(differencesOf(rehearsal, expected), script).toEqual([]);
          const lost = rehearsal.tables.map((table) => table.rowsDeleted + table.valuesLost);
          expect(rehearsal.recordsLost).toBe(lost.reduce((sum, count) => sum + count, 0));
        });
      },
    );
    await fc.assert(property, options(2 * rounds));
  });
});
