import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planMigration } from '../../../src/features/plan/plan-migration.js';
import type { ImpactCase } from '../../support/impact-case.js';
import { compareWithPlan } from '../../support/impact-comparison.js';
import { createImpactFixture, type ImpactFixture, runsOn } from '../../support/impact-fixture.js';
import { testServers } from '../../support/servers.js';
import { withTarget } from '../../support/targets.js';
import { families } from './cases/all-cases.js';

describe.each(testServers())('the impact of statements on $name', (server) => {
  let fixture: ImpactFixture;
  let client: pg.Client;

  beforeAll(async () => {
    fixture = await createImpactFixture(server);
    client = new pg.Client({ connectionString: fixture.database.url });
    await client.connect();
  });
  afterAll(async () => {
    await client?.end();
    await fixture?.drop();
  });

  async function compareCase(one: ImpactCase): Promise<void> {
    const { database, role, named } = fixture;
    const all = one.statements.map(({ sql }) => named(sql));
    const script = { file: 'case.sql', line: 1, sql: all.join(';\n') };
    const url = one.asRole ? role.urlFor(database.url) : database.url;
    const plan = await withTarget(url, (target) =>
      planMigration(target, {
        scripts: [{ ...script, inTransaction: one.inTransaction ?? true }],
      }),
    );
    expect(plan.statements.map(({ sql }) => sql)).toEqual(all);
    const { expected, actual } = await compareWithPlan({ client, named }, one, plan.statements);
    expect(actual).toEqual(expected);
  }

  for (const [what, cases] of families) {
    describe(what, () => {
      for (const one of cases) {
        it.skipIf(!runsOn(one, server))(one.name, () => compareCase(one));
      }
    });
  }

  it('covers at least 120 statements', () => {
    const statements = families.flatMap(([, cases]) => cases).flatMap((one) => one.statements);
    expect(statements.length).toBeGreaterThan(120);
  });
});
