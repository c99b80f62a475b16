import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Impact, StatementImpact } from '../../../src/domain/impact.js';
import { planMigration } from '../../../src/features/plan/plan-migration.js';
import type { ExpectedImpact, ExpectedStatement, ImpactCase } from '../../support/impact-case.js';
import {
  createImpactFixture,
  failureOf,
  type ImpactFixture,
  numberOf,
  runsOn,
  totalOf,
} from '../../support/impact-fixture.js';
import { testServers } from '../../support/servers.js';
import { withTarget } from '../../support/targets.js';
import { families } from './cases/all-cases.js';

/** What is compared of an impact, under the names of the plan. */
type Said = Partial<Record<string, unknown>>;

const find = (impacts: readonly Impact[], { rule, object, because }: ExpectedImpact) =>
  impacts.find(
    (impact) =>
      impact.rule === rule &&
      impact.object === object &&
      (typeof because !== 'string' || impact.because?.includes(because)),
  );

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

  async function expectedOf(wanted: ExpectedImpact): Promise<Said> {
    const { rule, rows, values, records, fails, because: _, ...rest } = wanted;
    return {
      ...{ rule, ...rest, object: fixture.named(wanted.object) },
      ...(rows === undefined ? {} : { rowsAffected: await numberOf(client, rows) }),
      ...(values === undefined ? {} : { valuesAtRisk: await numberOf(client, values) }),
      ...(records === undefined ? {} : { recordsAtRisk: await numberOf(client, records) }),
      ...(fails === undefined ? {} : { wouldFail: fails }),
    };
  }

  /** The same of what the plan says; where it says nothing of the object, all that it says. */
  function saidOf(said: StatementImpact, wanted: ExpectedImpact, keys: readonly string[]): Said {
    const found = find(said.impacts, { ...wanted, object: fixture.named(wanted.object) });
    if (!found) {
      const instead = said.impacts.map(({ rule, object, because }) => ({ rule, object, because }));
      return { rule: 'not found', instead };
    }
    return Object.fromEntries(keys.map((key) => [key, found[key as keyof Impact]]));
  }

  const failureSaid = ({ impacts }: StatementImpact): boolean | null => {
    if (impacts.some(({ wouldFail }) => wouldFail)) return true;
    return impacts.length > 0 && impacts.every(({ wouldFail }) => wouldFail === null)
      ? null
      : false;
  };

  async function compareWhole(
    wanted: ExpectedStatement,
    said: StatementImpact,
    [expected, actual]: [Said, Said],
  ): Promise<void> {
    if (wanted.opaque) {
      expected.isOpaque = true;
      actual.isOpaque =
        said.safety !== 'SAFE' && said.impacts.some(({ recordsAtRisk }) => recordsAtRisk === null);
      return;
    }
    const losses = said.impacts.map(({ recordsAtRisk }) => recordsAtRisk);
    expected.total = await totalOf(client, wanted);
    actual.total = losses.includes(null)
      ? null
      : losses.reduce((sum, one) => (sum ?? 0) + (one ?? 0), 0);
    // Where nothing can make it fail, a plan need not say that it does not.
    const failure = failureOf(wanted);
    if (failure !== null) {
      expected.fails = failure;
      actual.fails = failure ? failureSaid(said) : failureSaid(said) === true;
    }
    for (const key of ['safety', 'transactional'] as const) {
      if (wanted[key] === undefined) continue;
      expected[key] = wanted[key];
      actual[key] = said[key];
    }
  }

  async function compareCase(one: ImpactCase): Promise<void> {
    const { database, role, named } = fixture;
    const sql = one.statements.map((statement) => named(statement.sql)).join(';\n');
    const inTransaction = one.inTransaction ?? true;
    const plan = await withTarget(one.asRole ? role.urlFor(database.url) : database.url, (target) =>
      planMigration(target, { scripts: [{ file: 'case.sql', line: 1, sql, inTransaction }] }),
    );
    expect(plan.statements.map((statement) => statement.sql)).toEqual(
      one.statements.map((statement) => named(statement.sql)),
    );
    const [expected, actual]: [Said[], Said[]] = [[], []];
    for (const [index, wanted] of one.statements.entries()) {
      const said = plan.statements[index] as StatementImpact;
      for (const impact of wanted.impacts ?? []) {
        const fields = await expectedOf(impact);
        expected.push(fields);
        actual.push(saidOf(said, impact, Object.keys(fields)));
      }
      const whole: [Said, Said] = [{ statement: index + 1 }, { statement: index + 1 }];
      await compareWhole(wanted, said, whole);
      expected.push(whole[0]);
      actual.push(whole[1]);
    }
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
