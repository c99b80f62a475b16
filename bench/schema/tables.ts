import { align, time } from '../tables.js';
import {
  type SchemaMeasurement,
  type SchemaResult,
  type SchemaShapeResult,
  taskMs,
} from './results.js';

function line(shape: SchemaShapeResult, { task, what }: SchemaMeasurement): string[] {
  const ms = taskMs(shape, task) ?? 0;
  const dumped = taskMs(shape, 'pg_dump');
  const isByClock = !task.startsWith('compare');
  const against = isByClock && dumped ? `${(ms / dumped).toFixed(2)}x` : '';
  return [task, time(ms), against, what];
}

/** Everything about one server, as lines. */
export function renderSchemas({ name, shapes }: SchemaResult): string[] {
  return [
    '',
    `== schemas: ${name} ==`,
    ...shapes.flatMap((shape) => {
      const rows = shape.measurements.map((one) => line(shape, one));
      const table = align([['what', 'median', 'of pg_dump', 'how'], ...rows]);
      return [`${shape.name}: ${shape.objects} objects`, ...table.map((text) => `  ${text}`)];
    }),
  ];
}
