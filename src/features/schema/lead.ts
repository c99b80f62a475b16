import type { Rename } from '../../domain/history.js';
import { ownerStatements } from '../../domain/owners.js';
import { type Reporter, reportStep } from '../../domain/reporter.js';
import type { SchemaChange, SchemaModel } from '../../domain/schema-model.js';
import { planSchemaSql, type SchemaStatement } from '../../postgres/schema/plan-schema-sql.js';
import { proveSchemaSql } from '../../postgres/schema/prove-schema-sql.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import { renameStatements } from '../../postgres/schema/rename-statements.js';
import type { Session } from '../../postgres/session.js';
import type { Scratch } from './scratch.js';
import { modelSide, type OpenableSide } from './side.js';

/** SQL that leads from one schema to another. */
export interface SchemaScript {
  readonly statements: readonly SchemaStatement[];
  /** What would still differ afterwards. */
  readonly unresolved: readonly SchemaChange[];
}

export interface LeadOrder {
  readonly from: OpenableSide;
  readonly to: OpenableSide;
  readonly before: SchemaModel;
  readonly after: SchemaModel;
  readonly renames: readonly Rename[];
  readonly reporter: Reporter;
}

/**
 * Finds the SQL that turns one schema into another, by applying it to a copy of the first and comparing what comes out with the
 * second: what it could not do is said, not guessed.
 */
export function leadFrom(scratch: Scratch, order: LeadOrder): Promise<SchemaScript> {
  const { from, to, before, after, reporter } = order;
  // Of both sides a copy is taken, also of a database that is there: its own history, and what is not modelled, is no
  // part of what the SQL is to make.
  const copyOf = (side: OpenableSide, model: SchemaModel) =>
    side.kind === 'file' ? side : modelSide(side, model);
  return reportStep(reporter, { name: 'find the SQL' }, () =>
    copyOf(from, before).inDatabase(scratch, (source) =>
      copyOf(to, after).inDatabase(scratch, async (destination) => {
        if (to.kind === 'file') await giveOwners(destination, after);
        if (from.kind === 'file') await giveOwners(source, before);
        return leadBetween(source, destination, order);
      }),
    ),
  );
}

async function giveOwners(session: Session, wanted: SchemaModel): Promise<void> {
  const statements = ownerStatements(await readSchemaModel(session), wanted);
  for (const statement of statements)
    await session.execute(statement, 'giving objects their owners');
}

/** @param source a database that may be changed */
export async function leadBetween(
  source: Session,
  destination: Session,
  { after, renames }: Pick<LeadOrder, 'after' | 'renames'>,
): Promise<SchemaScript> {
  const renaming = renameStatements(renames);
  for (const { sql } of renaming) await source.execute(sql, 'renaming in a throwaway database');
  const plan = await planSchemaSql(source, destination);
  const { statements, unresolved } = await proveSchemaSql(source, plan, after);
  return { statements: [...renaming, ...statements], unresolved };
}
