import type { DdlStatement } from '../../domain/schema-ddl/ddl-statement.js';
import { dropStatement } from '../../domain/schema-ddl/drop-statements.js';
import { type KnownObject, KnownSchema } from '../../domain/schema-ddl/known-schema.js';
import {
  cascadeStatements,
  holdsData,
  keepingStatements,
  leadStatements,
  replaceStatements,
} from '../../domain/schema-ddl/lead-statements.js';
import {
  compareSchemas,
  type SchemaChange,
  type SchemaModel,
  withoutColumnOrder,
} from '../../domain/schema-model.js';
import type { Session } from '../session.js';
import { prepareBuilding, readRole, withReasons } from './build-schema.js';
import { routinesInTheWay } from './clear-the-way.js';
import type { PlannedSql, SchemaStatement } from './plan-schema-sql.js';
import { hoistLabels, toSchemaStatement, withBreaks } from './proven-statement.js';
import { readSchemaModel } from './read-schema-model.js';
import { runStatements } from './run-statements.js';

/** Statements that were run, and what they did not do. */
export interface ProvenSql {
  /** In the order that works. */
  readonly statements: readonly SchemaStatement[];
  /** What still differs from what was wanted, and why as far as that is known. */
  readonly unresolved: readonly SchemaChange[];
}

const doing = 'mending a plan';

const differencesOf = (present: SchemaModel, wanted: SchemaModel): SchemaChange[] =>
  compareSchemas(withoutColumnOrder(present), withoutColumnOrder(wanted));

/** One try to get on, and what it ran. */
type Attempt = (
  present: SchemaModel,
  differences: readonly SchemaChange[],
) => Promise<readonly SchemaStatement[]>;

/**
 * Runs a plan on a copy of the schema that it starts from, finds an order in which it works, and mends what is left with
 * statements of Belay's own, as long as that gets on. What holds no rows is made anew if nothing else helps; tables and
 * columns never are.
 * @param scratch a database with the schema that the plan starts from; it is changed
 */
export async function proveSchemaSql(
  scratch: Session,
  plan: PlannedSql,
  wanted: SchemaModel,
): Promise<ProvenSql> {
  await prepareBuilding(scratch);
  const role = await readRole(scratch);
  let present = await readSchemaModel(scratch);
  const first = await runStatements(scratch, goneRules(present, wanted));
  const statements: SchemaStatement[] = first.done.map(toSchemaStatement);
  const reasons = new Map<string, string>();
  const run = async (own: readonly DdlStatement[]) => {
    const { done, failed } = await runStatements(scratch, own);
    for (const { statement, error } of failed) {
      const { kind, name } = statement.object;
      reasons.set(`${kind}\0${name}`, error.message);
    }
    return done.map(toSchemaStatement);
  };
  let planned = plan;
  if (plan.again) {
    const kept = await run(keepingStatements(await readSchemaModel(scratch), wanted));
    statements.push(...kept);
    if (kept.length > 0) planned = await plan.again();
  }
  const found = hoistLabels(keptVirtual(planned.statements, wanted));
  statements.push(...(await runStatements(scratch, found)).done);
  const mend: Attempt = (present) => run(leadStatements(present, wanted, role));
  const clear: Attempt = async (_, differences) =>
    run(await routinesInTheWay(scratch, differences));
  const remake: Attempt = (present, differences) =>
    run(replaceStatements(present, wanted, differences, role));
  const remakeAll: Attempt = (present, differences) =>
    removeAlong(scratch, present, wanted, differences);
  present = await readSchemaModel(scratch);
  for (const attempt of [mend, clear, mend, remake, mend, remakeAll, mend, mend]) {
    const differences = differencesOf(present, wanted);
    if (differences.length === 0) break;
    const done = await attempt(present, differences);
    if (done.length === 0) continue;
    statements.push(...done);
    present = await readSchemaModel(scratch);
  }
  const unresolved = withReasons(differencesOf(present, wanted), reasons);
  return { statements: withBreaks(statements), unresolved };
}

/** The removal of rules: pg-delta does not know what their actions use, and removes that first. */
function goneRules(present: SchemaModel, wanted: SchemaModel): DdlStatement[] {
  const [before, after] = [new KnownSchema(present), new KnownSchema(wanted)];
  return before.objects.flatMap((object) => {
    const isGone = object.kind === 'rule' && !after.find('rule', object.name);
    return (isGone && dropStatement(object, before)) || [];
  });
}

/** pg-delta takes every computed column for a stored one. */
function keptVirtual(
  statements: readonly SchemaStatement[],
  wanted: SchemaModel,
): readonly SchemaStatement[] {
  const computed = new KnownSchema(wanted).objects.flatMap((object) => {
    const text = object.kind === 'column' ? object.text('generated') : undefined;
    return text === undefined ? [] : [text];
  });
  const stored = new Set(computed.filter((text) => text.endsWith(' STORED')));
  const virtual = [...new Set(computed.filter((text) => text.endsWith(' VIRTUAL')))]
    .map((text) => text.slice(0, -' VIRTUAL'.length))
    .filter((expression) => !stored.has(`${expression} STORED`));
  if (virtual.length === 0) return statements;
  return statements.map((statement) => {
    const sql = virtual.reduce(
      (text, expression) => text.replaceAll(`(${expression}) STORED`, `(${expression}) VIRTUAL`),
      statement.sql,
    );
    return sql === statement.sql ? statement : { ...statement, sql };
  });
}

/**
 * Takes away what stands in the way together with what depends on it, one object after another, each only where no table
 * or column goes along that should stay. What went is made again by what comes next.
 */
async function removeAlong(
  scratch: Session,
  present: SchemaModel,
  wanted: SchemaModel,
  differences: readonly SchemaChange[],
): Promise<SchemaStatement[]> {
  const done: SchemaStatement[] = [];
  const staying = new KnownSchema(wanted);
  for (const statement of cascadeStatements(present, wanted, differences)) {
    const before = new KnownSchema(await readSchemaModel(scratch));
    const { kind, name } = statement.object;
    if (!before.find(kind, name)) continue;
    await scratch.execute('BEGIN', doing);
    const lost = await scratch
      .execute(statement.sql, doing)
      .then(async () => lostData(before, new KnownSchema(await readSchemaModel(scratch))))
      .catch(() => undefined);
    const isDone = lost?.every((object) => !staying.find(object.kind, object.name)) ?? false;
    await scratch.execute(isDone ? 'COMMIT' : 'ROLLBACK', doing);
    if (isDone) {
      done.push({ ...toSchemaStatement(statement), destructive: lost?.length !== 0 });
    }
  }
  return done;
}

/** What had rows or values and is gone. The columns of views have none, nor have computed ones. */
function lostData(before: KnownSchema, after: KnownSchema): KnownObject[] {
  return before.objects.filter((object) => {
    const { kind, name, on } = object;
    if (!holdsData(kind) || after.find(kind, name)) return false;
    if (kind !== 'column') return true;
    return !object.has('generated') && !before.relation(on)?.kind.endsWith('view');
  });
}
