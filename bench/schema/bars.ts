import type { Bar } from '../bars.js';
import { type SchemaResult, type SchemaShapeResult, taskMs } from './results.js';

const readLimit = 0.5;
const compareLimitMs = 100;

function readBar(where: string, shape: SchemaShapeResult): Bar[] {
  const [ours, theirs] = [taskMs(shape, 'read'), taskMs(shape, 'pg_dump')];
  if (ours === undefined || theirs === undefined) return [];
  const ratio = ours / theirs;
  const bar = `reading the model of ${shape.name} at most ${readLimit} times pg_dump --schema-only`;
  return [{ bar, where, measured: `${ratio.toFixed(2)} times`, met: ratio <= readLimit }];
}

function compareBars(where: string, shape: SchemaShapeResult): Bar[] {
  return (['compare equal', 'compare changed'] as const).flatMap((task) => {
    const ms = taskMs(shape, task);
    if (ms === undefined) return [];
    const bar = `${task}: two models of ${shape.name} below ${compareLimitMs} ms of CPU`;
    return [{ bar, where, measured: `${Math.round(ms)} ms`, met: ms < compareLimitMs }];
  });
}

/** What Belay promises about reading and comparing schemas. */
export function schemaBars({ name, shapes }: SchemaResult): Bar[] {
  return shapes.flatMap((shape) => [...readBar(name, shape), ...compareBars(name, shape)]);
}
