import type { DescribedModel, Drift, SchemaSnapshot } from '../../index.js';
import { changeLines } from './describe-schema.js';
import { formatTime, plural } from './format.js';
import type { Style } from './style.js';

/** A whole schema, object by object, with the parts of a table below it. */
export function describeModel(style: Style, model: DescribedModel): string {
  const lines = model.objects.flatMap(({ kind, name, definition }) => [
    `${style.bold(kind)} ${name}`,
    ...definition
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => style.dim(`  ${line}`)),
  ]);
  const partial = model.partial
    ? [
        style.yellow(
          `not part of the checksum, because Belay does not model them: ${model.unmodelled.join(', ')}`,
        ),
      ]
    : [];
  return [
    ...lines,
    ...partial,
    `${plural(model.objects.length, 'object')}, checksum ${style.bold(model.checksum)}`,
  ].join('\n');
}

export function describeRecorded(style: Style, recorded: SchemaSnapshot): string {
  const { version, checksum, isNew, place, output, partial, unmodelled } = recorded;
  return [
    isNew
      ? `${style.green('recorded')} version ${style.bold(version)} in ${place}`
      : `version ${style.bold(version)} is recorded already, with this schema`,
    style.dim(`  checksum ${checksum}`),
    ...(output === null ? [] : [`  written to ${output}`]),
    ...(partial ? [style.yellow(`  not part of it: ${unmodelled.join(', ')}`)] : []),
  ].join('\n');
}

export function describeDrift(style: Style, drift: Drift): string {
  const { recorded, changes, notes } = drift;
  const since = `${recorded.version}, recorded ${formatTime(recorded.at)}`;
  if (!drift.drifted)
    return `${style.green('no drift')}: the live schema is that of version ${since}`;
  const lines = [style.bold(`${plural(changes.length, 'change')} since version ${since}`)];
  for (const change of changes) {
    lines.push(...changeLines(style, change).map((line) => `  ${line}`));
    const { seen } = change;
    const facts = [
      seen?.changedAt ? `changed ${formatTime(seen.changedAt)}` : '',
      seen?.by ? `by ${seen.by}` : '',
      seen?.owner ? `owner ${seen.owner}` : '',
      seen?.statement ? `statement: ${seen.statement}` : '',
    ].filter((fact) => fact !== '');
    if (facts.length > 0) lines.push(style.dim(`    ${facts.join(', ')}`));
  }
  return [...lines, ...notes.map((note) => style.dim(note))].join('\n');
}
