import { versionChecksum } from '../../domain/schema-model.js';
import type { ShadowRecord } from '../../domain/shadow.js';
import { BelayError } from '../../errors.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import type { Session } from '../../postgres/session.js';
import { readReplicationBound } from '../../postgres/sql/activity.js';
import type { Work } from '../target/work.js';
import type { FoundShadow } from './find-shadow.js';
import { untransformedRows } from './sync.js';

/**
 * A shadow whose target was restored or switched since is of another database.
 * @throws BelayError SCHEMA_CHANGED
 */
export function refuseStale({ database, stale }: FoundShadow): void {
  if (stale === null) return;
  throw new BelayError('SCHEMA_CHANGED', `the shadow "${database}" cannot be promoted: ${stale}`, {
    hint: 'Abort it with `belay shadow abort`, and create it again.',
  });
}

/**
 * The user's own slots and subscriptions would stay with the replaced database, and go on there in silence.
 * @throws BelayError REPLICATION_IN_THE_WAY
 */
export async function refuseOtherReplication(work: Work, record: ShadowRecord): Promise<void> {
  const { database } = work.target;
  const bound = (await readReplicationBound(work.helper, database)).filter(
    ({ kind, name }) => kind !== 'slot' || name !== record.replication?.slot,
  );
  if (bound.length === 0) return;
  const names = bound.map(
    ({ kind, name, active }) => `${kind} "${name}"${active ? ' (active)' : ''}`,
  );
  throw new BelayError(
    'REPLICATION_IN_THE_WAY',
    `"${database}" has logical replication: ${names.join(', ')}; it would go on with the replaced database`,
    {
      hint: 'Drop the slot (pg_drop_replication_slot) or subscription (DROP SUBSCRIPTION) first, and set it up again afterwards.',
      details: { replication: bound },
    },
  );
}

/**
 * Whether both schemas are still what the record says.
 * @throws BelayError SCHEMA_CHANGED
 */
export async function checkSchemas(
  source: Session,
  shadow: Session,
  record: ShadowRecord,
): Promise<void> {
  const of = async (session: Session) => versionChecksum(await readSchemaModel(session));
  const changed = [
    ...((await of(source)) === record.targetChecksum ? [] : [source.database]),
    ...((await of(shadow)) === record.shadowChecksum ? [] : [shadow.database]),
  ];
  if (changed.length === 0) return;
  throw new BelayError(
    'SCHEMA_CHANGED',
    `the schema of ${changed.map((name) => `"${name}"`).join(' and ')} is another than when the shadow was made`,
    {
      hint: 'Nothing was replaced. `belay shadow status` shows what has changed; abort the shadow and create it again.',
      details: { changed },
    },
  );
}

/** @throws BelayError ROWS_NOT_TRANSFORMED with the exact numbers */
export function refuseUntransformed(record: ShadowRecord, isAccepted: boolean): void {
  const untransformed = untransformedRows(record);
  if (untransformed.length === 0 || isAccepted) return;
  const listed = untransformed.map(({ table, rows }) => `${rows} row(s) in ${table}`);
  throw new BelayError(
    'ROWS_NOT_TRANSFORMED',
    `rows were written since the migration ran on the shadow, and lack what it does to rows: ${listed.join(', ')}`,
    {
      hint: 'Nothing was replaced. Give a script that does it to them with --after-sync, or accept it with --accept-untransformed.',
      details: { untransformed },
    },
  );
}
