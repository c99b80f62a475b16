import type pg from 'pg';
import type { Impact, StatementImpact } from '../../src/domain/impact.js';
import type { ExpectedImpact, ExpectedStatement, ImpactCase } from './impact-case.js';
import { failureOf, numberOf, totalOf } from './impact-fixture.js';
import { operationsOfRules } from './impact-operations.js';

/** What is compared of an impact or a statement, under the names of the plan. */
export type Said = Partial<Record<string, unknown>>;

export interface Comparison {
  readonly expected: readonly Said[];
  readonly actual: readonly Said[];
}

/** The fixture as a comparison needs it. */
interface Fixture {
  readonly client: pg.Client;
  named(sql: string): string;
}

/** Puts what a case expects beside what a plan says: equal where the plan is right. */
export async function compareWithPlan(
  fixture: Fixture,
  one: ImpactCase,
  statements: readonly StatementImpact[],
): Promise<Comparison> {
  const expected: Said[] = [];
  const actual: Said[] = [];
  for (const [index, wanted] of one.statements.entries()) {
    const said = statements[index];
    if (!said) throw new Error(`the plan has no statement ${index + 1}`);
    for (const impact of wanted.impacts ?? []) {
      const fields = await expectedOf(fixture, impact);
      expected.push(fields);
      actual.push(saidOf(said, { ...impact, object: fixture.named(impact.object) }, fields));
    }
    const whole = { expected: { statement: index + 1 }, actual: { statement: index + 1 } };
    await compareWhole(fixture, wanted, said, whole);
    expected.push(whole.expected);
    actual.push(whole.actual);
  }
  return { expected, actual };
}

async function expectedOf({ client, named }: Fixture, wanted: ExpectedImpact): Promise<Said> {
  const { rule, object, rows, values, records, fails, because: _, operation, ...rest } = wanted;
  return {
    ...{ rule, ...rest, object: named(object) },
    operation: operation ? [operation] : operationsOfRules[rule],
    ...(rows === undefined ? {} : { rowsAffected: await numberOf(client, rows) }),
    ...(values === undefined ? {} : { valuesAtRisk: await numberOf(client, values) }),
    ...(records === undefined ? {} : { recordsAtRisk: await numberOf(client, records) }),
    ...(fails === undefined ? {} : { wouldFail: fails }),
  };
}

/** The same fields of what the plan says; where it says nothing of the object, what it says instead. */
function saidOf({ impacts }: StatementImpact, wanted: ExpectedImpact, fields: Said): Said {
  const { rule, object, because } = wanted;
  const found = impacts.find(
    (impact) =>
      impact.rule === rule &&
      impact.object === object &&
      (typeof because !== 'string' || impact.because?.includes(because)),
  );
  if (!found) {
    const instead = impacts.map((one) => [one.rule, one.object, one.because].join(' '));
    return { rule: 'not found', instead };
  }
  const isAllowed = (fields.operation as readonly string[]).includes(found.operation);
  const operation = isAllowed ? fields.operation : found.operation;
  const keys = Object.keys(fields);
  return { ...Object.fromEntries(keys.map((key) => [key, found[key as keyof Impact]])), operation };
}

async function compareWhole(
  { client }: Fixture,
  wanted: ExpectedStatement,
  said: StatementImpact,
  { expected, actual }: { expected: Said; actual: Said },
): Promise<void> {
  const losses = said.impacts.map(({ recordsAtRisk }) => recordsAtRisk);
  if (wanted.opaque) {
    expected.isOpaque = true;
    actual.isOpaque = said.safety !== 'SAFE' && losses.some((one) => one !== 0);
    return;
  }
  expected.total = await totalOf(client, wanted);
  actual.total = losses.includes(null)
    ? null
    : losses.reduce((sum: number, one) => sum + (one ?? 0), 0);
  if (wanted.mayFail) {
    expected.mayFail = true;
    actual.mayFail = said.impacts.some(({ wouldFail }) => wouldFail !== false);
    return;
  }
  // Where nothing can make it fail, a plan need not say that it does not; where nobody can know, the impact says so.
  const failure = failureOf(wanted);
  if (failure !== null) {
    expected.fails = failure;
    actual.fails = said.impacts.some(({ wouldFail }) => wouldFail === true);
  }
  for (const key of ['safety', 'transactional'] as const) {
    if (wanted[key] === undefined) continue;
    expected[key] = wanted[key];
    actual[key] = said[key];
  }
}
