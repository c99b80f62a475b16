import type { DataViolation } from '../../domain/data-rollback.js';
import type { SchemaModel } from '../../domain/schema-model.js';
import type { Scratch } from '../schema/scratch.js';
import type { SimulatedStep } from './simulate.js';

export async function orderForData(
  _scratch: Scratch,
  step: SimulatedStep,
  _order: { readonly before: SchemaModel; readonly left: readonly DataViolation[] },
): Promise<SimulatedStep> {
  return step;
}
