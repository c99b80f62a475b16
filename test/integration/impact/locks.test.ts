import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyseScript } from '../../../src/domain/impact/analyse-script.js';
import { analysers } from '../../../src/domain/impact/analysers/index-of-analysers.js';
import type { Finding } from '../../../src/domain/impact/finding.js';
import type { LiveCatalog } from '../../../src/domain/impact/live-catalog.js';
import { createWorld } from '../../../src/domain/impact/simulated-world.js';
import type { Tree } from '../../../src/domain/impact/world.js';
import { lockModes } from '../../../src/domain/impact.js';
import { loadDeparser } from '../../../src/postgres/impact/live-expression.js';
import { readLiveCatalog } from '../../../src/postgres/impact/read-live-catalog.js';
import { splitStatements } from '../../../src/postgres/parse-sql.js';
import { openSession } from '../../support/open-session.js';
import { createTestDatabase, type TestDatabase, testServers } from '../../support/servers.js';
import { locksFixture, newStatements, statements } from './locks-fixture.js';

/** Locks that somebody feels: the weaker ones keep out only other changes of the schema, if anything. */
const felt = lockModes.slice(lockModes.indexOf('SHARE UPDATE EXCLUSIVE'));

/** "ShareRowExclusiveLock" of pg_locks as the manual writes it. */
const asWritten = (mode: string): string =>
  mode
    .replace(/Lock$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, ' ')
    .toUpperCase();

const strongest = (modes: readonly string[]): string | undefined =>
  felt.findLast((mode) => modes.includes(mode));

const tablesSql = `
  SELECT c.oid::int, relname AS name, relfilenode::int AS file,
         ARRAY(SELECT mode FROM pg_locks l WHERE l.relation = c.oid AND l.pid = pg_backend_pid()
                AND l.locktype = 'relation') AS modes
    FROM pg_class c
   WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'm', 'v', 'S')`;

interface Table {
  readonly oid: number;
  readonly name: string;
  readonly file: number;
  readonly modes: readonly string[];
}

describe.each(testServers())('locks and rewrites on $name', (server) => {
  let database: TestDatabase;
  let client: pg.Client;
  let catalog: LiveCatalog;
  let deparse: (node: Tree) => string;

  beforeAll(async () => {
    database = await createTestDatabase(server, { name: 'locks', sql: locksFixture });
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
    const session = await openSession(database.url);
    catalog = await readLiveCatalog(session).finally(() => session.close());
    deparse = await loadDeparser();
  });

  afterAll(async () => {
    await client.end();
    await database.drop();
  });

  async function findingsOf(sql: string): Promise<readonly Finding[]> {
    const parsed = await splitStatements(sql.replace(';;', ';'));
    const found = analyseScript(parsed, createWorld(catalog, { deparse }), analysers);
    return found.at(-1)?.findings ?? [];
  }

  /** What the statement really locks and writes anew; by table, those before it left out. */
  async function tried(sql: string) {
    const [before, statement] = sql.includes(';;') ? sql.split(';;') : ['SELECT', sql];
    await client.query('BEGIN');
    try {
      await client.query(before ?? '');
      const { rows: old } = await client.query<Table>(tablesSql);
      await client.query(statement ?? '');
      const { rows } = await client.query<Table>(tablesSql);
      const held = await client.query<{ oid: number; modes: string[] }>(
        `SELECT relation::int AS oid, array_agg(mode) AS modes FROM pg_locks
          WHERE pid = pg_backend_pid() AND locktype = 'relation' GROUP BY 1`,
      );
      const modes = new Map(held.rows.map((row) => [row.oid, row.modes.map(asWritten)]));
      return old.map(({ oid, name, file }) => ({
        ...{ oid, name, lock: strongest(modes.get(oid) ?? []) },
        rewrite: rows.some((row) => row.oid === oid && row.file !== file),
      }));
    } finally {
      await client.query('ROLLBACK');
    }
  }

  /** Partitions and inheritors are locked with the table that is named: findings are about that one. */
  const isBelow = (oid: number, named: ReadonlySet<number>): boolean =>
    (catalog.relations.find((one) => one.oid === oid)?.parents ?? []).some(
      (parent) => named.has(parent) || isBelow(parent, named),
    );

  async function check(sql: string) {
    const findings = await findingsOf(sql);
    const named = new Set(findings.flatMap(({ table }) => table ?? []));
    const expected = [];
    const got = [];
    for (const { oid, name, lock, rewrite } of await tried(sql)) {
      const own = findings.filter(({ table }) => table === oid);
      const isSequence = catalog.relations.some((one) => one.oid === oid && one.kind === 'S');
      // Sequences belong to a column that is named.
      if (own.length === 0 && (isSequence || isBelow(oid, named))) continue;
      expected.push({ name, lock, rewrite: rewrite && !isSequence });
      got.push({
        ...{ name, lock: strongest(own.flatMap((one) => one.lock ?? [])) },
        rewrite: own.some((one) => one.rewrite),
      });
    }
    expect(got).toEqual(expected);
    expect(findings.filter(({ fails }) => fails)).toEqual([]);
  }

  it.each(statements)('%s', check);

  it.for(newStatements)('%s', async (statement, { skip }) => {
    skip(server.major < 18, `PostgreSQL ${server.major} does not have it`);
    await check(statement);
  });
});
