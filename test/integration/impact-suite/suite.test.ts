import { tmpdir } from 'node:os';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTarget, planMigration, type Target } from '../../../src/index.js';
import type { ImpactCase } from '../../support/impact-case.js';
import { compareWithPlan } from '../../support/impact-comparison.js';
import { createImpactFixture, type ImpactFixture, runsOn } from '../../support/impact-fixture.js';
import { testServers } from '../../support/servers.js';
import { testHome } from '../../support/test-home.js';
import { families } from './cases/all-cases.js';

const open = (url: string) =>
  openTarget({
    ...{ url, cwd: tmpdir(), action: 'test' },
    env: { PATH: process.env.PATH, BELAY_HOME: testHome() },
  });

describe.each(testServers())('the impact of statements on $name', (server) => {
  let fixture: ImpactFixture;
  let client: pg.Client;
  let target: Target;
  /** The same database for a role that may read little. */
  let limited: Target;

  beforeAll(async () => {
    fixture = await createImpactFixture(server);
    const { database, role } = fixture;
    [target, limited] = [await open(database.url), await open(role.urlFor(database.url))];
    client = new pg.Client({ connectionString: database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await target?.close();
    await limited?.close();
    await fixture?.drop();
  });

  async function compareCase(one: ImpactCase): Promise<void> {
    const { named } = fixture;
    const all = one.statements.map(({ sql }) => named(sql));
    const script = { file: 'case.sql', line: 1, sql: all.join(';\n') };
    const plan = await planMigration(one.asRole ? limited : target, {
      scripts: [{ ...script, inTransaction: one.inTransaction ?? true }],
    });
    expect(plan.statements.map(({ sql }) => sql)).toEqual(all);
    const { expected, actual } = await compareWithPlan({ client, named }, one, plan.statements);
    expect(actual).toEqual(expected);
  }

  for (const [what, cases] of families) {
    describe(what, () => {
      for (const one of cases) {
        it(one.name, async ({ skip }) => {
          skip(!runsOn(one, server), `PostgreSQL ${server.major} does not have it`);
          await compareCase(one);
        });
      }
    });
  }

  it('covers at least 120 statements', () => {
    const statements = families.flatMap(([, cases]) => cases).flatMap((one) => one.statements);
    expect(statements.length).toBeGreaterThan(120);
  });
});
