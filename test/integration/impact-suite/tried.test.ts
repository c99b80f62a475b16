import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ImpactCase } from '../../support/impact-case.js';
import {
  copyDatabase,
  createImpactFixture,
  failureOf,
  type ImpactFixture,
  numberOf,
  runsOn,
  totalOf,
} from '../../support/impact-fixture.js';
import { happenedTo, watchTables } from '../../support/impact-locks.js';
import {
  type Contents,
  keepContents,
  type Missing,
  missingContents,
} from '../../support/impact-reality.js';
import { testServers } from '../../support/servers.js';
import { type TestDatabase, withSession } from '../../support/test-database.js';
import { families } from './cases/all-cases.js';

// What the cases expect of a plan is what really happens: every one of them is run.
describe.each(testServers())('the impact that cases expect is what happens on $name', (server) => {
  let fixture: ImpactFixture;
  let contents: Contents;
  let database: TestDatabase;
  let client: pg.Client;

  beforeAll(async () => {
    fixture = await createImpactFixture(server);
    contents = await withSession(fixture.database.url, keepContents);
    // Nobody is ever connected to the first one from now on: it can be copied.
    database = await copyDatabase(server, fixture.database.name);
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await database?.drop();
    await fixture?.drop();
  });

  /** In a transaction that is undone, or on a copy where the script cannot run in one. */
  async function onFixture<T>(
    one: ImpactCase,
    work: (client: pg.Client) => Promise<T>,
  ): Promise<T> {
    if (one.inTransaction === false) {
      const copy = await copyDatabase(server, fixture.database.name);
      try {
        return await withSession(copy.url, work);
      } finally {
        await copy.drop();
      }
    }
    await client.query('BEGIN');
    try {
      return await work(client);
    } finally {
      await client.query('ROLLBACK');
      await client.query('DISCARD ALL');
    }
  }

  const lossOf = ({ statements }: ImpactCase, { rows, values, changedRows }: Missing): number => {
    // Of a row that is changed, plans say that it is; of a column, how many values go.
    const isOfRows = statements.every(({ sql }) => !/^(ALTER|DROP)/.test(sql));
    return rows + (isOfRows ? changedRows : values);
  };

  async function expectedLoss(client: pg.Client, one: ImpactCase): Promise<number | null> {
    if (one.really === 'unknown') return null;
    if (one.really !== undefined) return numberOf(client, one.really);
    let sum = 0;
    for (const statement of one.statements) {
      const total = await totalOf(client, statement);
      if (total === null || statement.opaque) return null;
      sum += total;
    }
    return sum;
  }

  /** False: a statement failed as expected, and the others were not run. */
  async function runStatements(client: pg.Client, one: ImpactCase): Promise<boolean> {
    for (const statement of one.statements) {
      const run = client.query(fixture.named(statement.sql));
      if (failureOf(statement) || statement.mayFail) {
        // Its own SQLSTATE, whatever it is: what matters is that the server refuses, but not for its syntax.
        const code = expect.stringMatching(/^(?!08|57|42601)/);
        await expect(run, statement.sql).rejects.toHaveProperty('code', code);
        return false;
      }
      await run;
    }
    return true;
  }

  async function tryCase(one: ImpactCase): Promise<void> {
    await onFixture(one, async (client) => {
      const expected = await expectedLoss(client, one);
      // A lock of an earlier statement would be there still.
      const watched = one.statements.length === 1 ? (one.statements[0]?.impacts ?? []) : [];
      const objects = watched.map(({ object, ...rest }) => ({
        ...rest,
        object: fixture.named(object),
      }));
      const tables = await watchTables(client, objects);
      if (!(await runStatements(client, one))) return;
      if (one.inTransaction === false) {
        await client.query('BEGIN');
      } else {
        expect(await happenedTo(client, tables)).toEqual(tables.map((table) => table.expected));
        await client.query('SET CONSTRAINTS ALL IMMEDIATE');
      }
      if (expected === null) return;
      await client.query('SET LOCAL search_path = public');
      expect(lossOf(one, await missingContents(client, contents))).toBe(expected);
    });
  }

  for (const [what, cases] of families) {
    describe(what, () => {
      for (const one of cases) {
        it(one.name, async ({ skip }) => {
          skip(!runsOn(one, server), `PostgreSQL ${server.major} does not have it`);
          skip(one.notTried !== undefined, one.notTried);
          await tryCase(one);
        });
      }
    });
  }
});
