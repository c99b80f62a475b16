import type { ChangedSince, TargetStatus } from '../../index.js';
import { formatAge, formatBytes, formatCount, formatVersion, plural } from './format.js';
import type { Style } from './style.js';

export function describeStatus(style: Style, status: TargetStatus): string {
  const { target } = status;
  const marked = target.environment ? ` (${target.environment})` : '';
  const fields: [string, string][] = [
    ['database', `${target.database}${marked} on ${target.server}, from ${target.source}`],
    ['server', `PostgreSQL ${formatVersion(status.serverVersion)}`],
    ['size', status.exists ? sizeOf(status.sizeBytes) : 'the database is missing'],
    ['based on', basedOnOf(status)],
    ['since then', status.changed ? describeChanged(status.changed) : 'nothing to compare with'],
    ['snapshots', String(status.snapshots)],
    ['undo', status.undo ? `brings back "${status.undo.tag}"` : 'nothing to undo'],
  ];
  const records = status.recordBackups;
  if (records && records.backups > 0) {
    const what = `${plural(records.rows, 'record')} that migrations removed, ${formatBytes(records.sizeBytes)}`;
    fields.push(['records', what]);
  }
  if (status.lockedBy !== null) fields.push(['at work', status.lockedBy]);
  if (status.leftovers.length > 0) {
    fields.push(['leftovers', `${plural(status.leftovers.length, 'one')}: run \`belay repair\``]);
  }
  return fields.map(([name, value]) => `${style.dim(name.padEnd(10))}  ${value}`).join('\n');
}

function sizeOf(sizeBytes: number | null): string {
  return sizeBytes === null ? 'not visible to this role' : formatBytes(sizeBytes);
}

function basedOnOf({ basedOn }: TargetStatus): string {
  return basedOn ? `"${basedOn.tag}" (${formatAge(basedOn.since)})` : 'no snapshot';
}

function describeChanged(changed: ChangedSince): string {
  const known = changed.tables.filter(({ unknown }) => !unknown);
  const parts = [
    changed.schema ? 'the schema has changed' : 'same schema',
    changed.rowCounts === false
      ? 'same row counts'
      : known.length > 0
        ? `other row counts: ${known.slice(0, 3).map(countOf).join(', ')}${known.length > 3 ? ', …' : ''}`
        : 'row counts not known',
  ];
  const unknown = changed.tables.length - known.length;
  if (unknown > 0) parts.push(`${plural(unknown, 'table')} not counted in time`);
  return parts.join('; ');
}

function countOf({ table, a, b }: ChangedSince['tables'][number]): string {
  if (a === null) return `${table} is new`;
  if (b === null) return `${table} is gone`;
  return `${table} ${b > a ? '+' : ''}${formatCount(b - a)}`;
}
