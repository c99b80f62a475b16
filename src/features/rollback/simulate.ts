import type { AssessedChange } from '../../domain/change-safety.js';
import type { StepShapes } from '../../domain/data-rollback.js';
import type { Rename } from '../../domain/history.js';
import type { MigrationScript } from '../../domain/migration.js';
import { renameStatements } from '../../domain/rename-statements.js';
import type { RollbackStatement, RouteStep } from '../../domain/rollback.js';
import type { SchemaChange, SchemaModel } from '../../domain/schema-model.js';
import { renameCandidates } from '../../domain/schema-renames.js';
import { BelayError, toBelayError } from '../../errors.js';
import { findServerWide } from '../../postgres/check-script.js';
import { shorten, splitStatements } from '../../postgres/parse-sql.js';
import type { OrderedStatements } from '../../postgres/records/restore-order.js';
import { readTableShapes } from '../../postgres/records/restore-shapes.js';
import { runScript } from '../../postgres/run-script.js';
import { buildSchema } from '../../postgres/schema/build-schema.js';
import { readAddressedModel, readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import type { Session } from '../../postgres/session.js';
import { renamesOf } from '../migration/apply.js';
import { assessed } from '../schema/compare.js';
import { leadBetween } from '../schema/lead.js';
import type { Scratch } from '../schema/scratch.js';

/** What a step does to the schema, found by doing it to a copy. */
export interface SimulatedStep {
  readonly route: RouteStep;
  readonly statements: readonly RollbackStatement[];
  readonly changes: readonly AssessedChange[];
  readonly unresolved: readonly SchemaChange[];
  /** What it renames, as names were before it. */
  readonly renames: readonly Rename[];
  /** The schema afterwards. */
  readonly model: SchemaModel;
  /** Its tables before and after, by one identity. */
  readonly shapes: StepShapes;
  /** In another order than `statements`, with the constraints after the data; null: as they are, the data last. */
  readonly order?: OrderedStatements | null;
}

export interface SimulationOrder {
  /** The schema that is there now. */
  readonly live: SchemaModel;
  readonly steps: readonly RouteStep[];
  readModel(checksum: string): Promise<SchemaModel>;
  /** The user has said that nothing was renamed but what the history knows. */
  readonly noRenames: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Runs the steps one after another on a copy of the live schema and looks at what each of them did.
 * @throws BelayError SCHEMA_NOT_BUILT, ROLLBACK_FAILED where a down script fails on the schema alone, RENAME_UNDECIDED
 */
export async function simulate(scratch: Scratch, order: SimulationOrder): Promise<SimulatedStep[]> {
  return scratch.withDatabase(async (session) => {
    const { differences } = await buildSchema(session, order.live);
    if (differences.length > 0) throw notBuilt(differences);
    const done: SimulatedStep[] = [];
    let before = await readAddressedModel(session);
    let tables = await readTableShapes(session);
    for (const route of order.steps) {
      const found = route.script
        ? await runDown(scratch, session, route, order)
        : await leadBack(scratch, session, before.model, route, order);
      const after = await readAddressedModel(session);
      const renames = renamesOf(before, after);
      const changes = await changesOf(scratch, before.model, after.model, renames);
      const shapes = { before: tables, after: await readTableShapes(session) };
      done.push({ route, model: after.model, renames, changes, shapes, ...found });
      before = after;
      tables = shapes.after;
    }
    return done;
  });
}

/**
 * What a step changed. What it renamed is no loss and a gain: the schema before is compared as it is with the new names, which a
 * second copy knows exactly.
 */
async function changesOf(
  scratch: Scratch,
  before: SchemaModel,
  after: SchemaModel,
  renames: readonly Rename[],
): Promise<AssessedChange[]> {
  if (renames.length === 0) return assessed(before, after);
  const renamed = await scratch.withDatabase(async (session) => {
    await buildSchema(session, before);
    for (const sql of renameStatements(renames)) {
      await session.execute(sql, 'renaming in a throwaway database');
    }
    return readSchemaModel(session);
  });
  const named = renames.map(({ object, from, to }): AssessedChange => {
    const change = { kind: 'changed', object, name: to, detail: `name: ${from} → ${to}` } as const;
    return { ...change, safety: 'SAFE', reason: '', measure: null };
  });
  return [...named, ...assessed(renamed, after)];
}

function notBuilt(differences: readonly SchemaChange[]): BelayError {
  const named = differences.slice(0, 5).map(({ object, name }) => `${object} ${name}`);
  return new BelayError(
    'SCHEMA_NOT_BUILT',
    `the live schema could not be built in a throwaway database: ${named.join(', ')}`,
    {
      hint: 'Without a copy of the schema no rollback can be tried. Name a server that has its extensions and roles in BELAY_DRILL_SERVER, or restore a snapshot instead.',
      details: { differences },
    },
  );
}

type Found = Pick<SimulatedStep, 'statements' | 'unresolved'>;

async function runDown(
  scratch: Scratch,
  session: Session,
  { script, migrations }: RouteStep,
  { signal }: SimulationOrder,
): Promise<Found> {
  if (!script) throw new BelayError('BUG', 'a step without a script was run as one');
  const [newest] = migrations;
  if (!scratch.isPrivate) await requireOwnDatabase(script);
  try {
    await runScript(session, script, { signal });
  } catch (thrown) {
    const error = toBelayError(thrown);
    if (error.code !== 'MIGRATION_FAILED') throw error;
    throw new BelayError(
      'ROLLBACK_FAILED',
      `the down script of ${newest?.version} fails on a copy of the schema: ${error.message}`,
      {
        hint: 'Nothing was done to your database. Mend the script, or leave the scripts out with --no-down-scripts where the schema was recorded.',
        details: error.details,
        cause: error,
      },
    );
  }
  const statements = await splitStatements(script.sql);
  return {
    statements: statements.map(({ sql }) => ({
      ...{ sql, transactional: script.inTransaction, breaksBefore: false },
    })),
    unresolved: [],
  };
}

/**
 * A plan changes nothing: what reaches beyond its database must not be tried on a server that others use.
 * @throws BelayError ROLLBACK_FAILED
 */
async function requireOwnDatabase(script: MigrationScript): Promise<void> {
  const found = await findServerWide(script);
  if (!found) return;
  throw new BelayError(
    'ROLLBACK_FAILED',
    `${script.file}, line ${found.line} may change more than its database, and there is no private PostgreSQL to try it on: ${shorten(found.sql)}`,
    {
      hint: 'Nothing was done. Install PostgreSQL of the version of the server on this machine, or leave the scripts out with --no-down-scripts where the schema was recorded.',
      details: { file: script.file, line: found.line },
    },
  );
}

async function leadBack(
  scratch: Scratch,
  session: Session,
  before: SchemaModel,
  { checksum, renames, migrations }: RouteStep,
  order: SimulationOrder,
): Promise<Found> {
  if (checksum === null) throw new BelayError('BUG', 'a step leads to a schema that is not known');
  const after = await order.readModel(checksum);
  if (!order.noRenames) checkRenames(before, after, renames, migrations[0]?.version ?? '');
  return scratch.withDatabase(async (destination) => {
    await buildSchema(destination, after);
    return leadBetween(session, destination, { after, renames });
  });
}

/** What the history saw being renamed is known; what else looks like it is not guessed. */
function checkRenames(
  before: SchemaModel,
  after: SchemaModel,
  renames: RouteStep['renames'],
  migration: string,
): void {
  const open = renameCandidates(before, after).filter(
    ({ from, to }) => !renames.some((known) => known.from === from || known.to === to),
  );
  if (open.length === 0 || renames.length > 0) return;
  const named = open.map(({ object, from, to }) => `${object} ${from} → ${to}`);
  throw new BelayError(
    'RENAME_UNDECIDED',
    `migration ${migration} may have renamed: ${named.join(', ')}`,
    {
      hint: 'Its way back would drop and add, and lose the data. Write a down script that renames; or say --no-renames where nothing was renamed.',
      details: { candidates: open },
    },
  );
}
