import type { DataViolation } from '../../domain/data-rollback.js';
import { compareSchemas, type SchemaModel, withoutColumnOrder } from '../../domain/schema-model.js';
import { toBelayError } from '../../errors.js';
import { orderStatements } from '../../postgres/records/restore-order.js';
import { runScript } from '../../postgres/run-script.js';
import { buildSchema } from '../../postgres/schema/build-schema.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import type { Scratch } from '../schema/scratch.js';
import { segments } from './run-step.js';
import type { SimulatedStep } from './simulate.js';

export interface DataOrderFacts {
  /** The schema before the step. */
  readonly before: SchemaModel;
  /** What rows written since break: it is left unvalidated, or out. */
  readonly left: readonly DataViolation[];
}

/**
 * The step with its constraints behind the data. That order is tried on a copy of the schema: where it does not lead to the same
 * schema the statements stay in theirs.
 */
export async function orderForData(
  scratch: Scratch,
  step: SimulatedStep,
  { before, left }: DataOrderFacts,
): Promise<SimulatedStep> {
  const { route, statements, model } = step;
  // Without a transaction of its own a script is run as it is written.
  if (route.script && !route.script.inTransaction) return step;
  const order = await orderStatements(statements, left);
  if (!order) return step;
  const found = await scratch.withDatabase(async (session) => {
    await buildSchema(session, before);
    try {
      for (const { script } of segments(step, order)) await runScript(session, script);
    } catch (error) {
      if (toBelayError(error).code === 'MIGRATION_FAILED') return null;
      throw error;
    }
    return readSchemaModel(session);
  });
  if (!found) return step;
  const differs = compareSchemas(withoutColumnOrder(found), withoutColumnOrder(model)).length > 0;
  if (left.length > 0) return { ...step, order, model: found };
  return differs ? step : { ...step, order };
}
