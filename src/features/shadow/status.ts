import type { AssessedChange } from '../../domain/change-safety.js';
import type { RehearsedProbe } from '../../domain/rehearsal.js';
import type { RunOptions } from '../../domain/reporter.js';
import { versionChecksum } from '../../domain/schema-model.js';
import type { ShadowMigration, ShadowRecord } from '../../domain/shadow.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import type { Session } from '../../postgres/session.js';
import { type CountedPair, countMapped } from '../../postgres/shadow/count-mapped.js';
import { readLag, readSlot } from '../../postgres/shadow/replication.js';
import type { SlotHold } from '../../postgres/shadow/replication-slots.js';
import { readReplicationBound } from '../../postgres/sql/activity.js';
import { readProbes, runProbes } from '../rehearsal/run-probes.js';
import { assessed } from '../schema/compare.js';
import { closingSessions } from '../snapshot/read-clone.js';
import type { Target } from '../target/open-target.js';
import { type FoundShadow, requireShadow } from './find-shadow.js';

export interface ShadowStatusOptions extends RunOptions {
  /** File with queries of the application, run on both. */
  readonly probes?: string | undefined;
  readonly cwd?: string | undefined;
}

export interface UntransformedRows {
  readonly table: string;
  readonly rows: number;
}

export interface ShadowStatus {
  readonly ok: true;
  /** Of the shadow. */
  readonly database: string;
  readonly target: string;
  readonly method: ShadowRecord['method'];
  readonly migration: ShadowMigration;
  readonly replication: 'logical' | 'scan';
  readonly createdAt: string;
  /** When the target was as the shadow is, but for what the migration did. */
  readonly syncedAt: string;
  readonly syncs: number;
  /** WAL that is not read yet, in bytes; null where there is no slot. */
  readonly lagBytes: number | null;
  /** The target's, and the shadow's, schema is another than when the shadow was made. */
  readonly targetChanged: boolean;
  readonly shadowChanged: boolean;
  /** From the target's schema to the shadow's. */
  readonly schema: readonly AssessedChange[];
  /** Rows as of now, counted one after the other; null: not there. */
  readonly tables: readonly CountedPair[];
  /** Rows that arrived in tables whose rows the migration itself had changed. */
  readonly untransformed: readonly UntransformedRows[];
  readonly probes: readonly RehearsedProbe[];
  /** What stands in the way of a sync or a promote, or will. */
  readonly warnings: readonly string[];
  readonly durationMs: number;
}

/**
 * Compares a target and its shadow: schema, rows, how far the shadow is. Nothing is changed, and no lock is needed.
 *
 * @example
 * const { lagBytes, warnings } = await shadowStatus(target);
 * @throws BelayError SHADOW_NOT_FOUND, PERMISSION_DENIED
 */
export async function shadowStatus(
  target: Target,
  options: ShadowStatusOptions = {},
): Promise<ShadowStatus> {
  const startedAt = performance.now();
  const { probes: file, cwd = target.cwd } = options;
  const probes = file === undefined ? [] : await readProbes(file, cwd);
  const found = await requireShadow(target.main, target.database);
  const { record } = found;
  const slot = record.replication && (await readSlot(target.main, record.replication.slot));
  const compared = await compareSides(target, found, probes, options);
  const untransformed = record.tables.flatMap(({ name, transformed, arrived }) =>
    transformed && arrived > 0 ? [{ table: name, rows: arrived }] : [],
  );
  const { warnings, ...rest } = compared;
  return {
    ...{ ok: true, database: found.database, target: target.database, method: record.method },
    ...{ migration: record.migration, replication: record.replication ? 'logical' : 'scan' },
    ...{ createdAt: record.createdAt, syncedAt: record.sync.at, syncs: record.sync.count },
    lagBytes: record.replication ? rest.lagBytes : null,
    ...{ targetChanged: rest.targetChanged, shadowChanged: rest.shadowChanged },
    ...{ schema: rest.schema, tables: rest.tables, untransformed, probes: rest.probes },
    warnings: [...warnings, ...warnOfSlot(record, slot), ...(await warnOfOthers(target, record))],
    durationMs: Math.round(performance.now() - startedAt),
  };
}

interface Sides {
  readonly targetChanged: boolean;
  readonly shadowChanged: boolean;
  readonly lagBytes: number | null;
  readonly schema: readonly AssessedChange[];
  readonly tables: readonly CountedPair[];
  readonly probes: readonly RehearsedProbe[];
  readonly warnings: readonly string[];
}

async function compareSides(
  target: Target,
  found: FoundShadow,
  probes: Awaited<ReturnType<typeof readProbes>>,
  { signal }: ShadowStatusOptions,
): Promise<Sides> {
  const { database, record, stale } = found;
  if (stale !== null) return staleSides(stale);
  return closingSessions(
    () => target.openDatabase(target.database),
    (openBefore) =>
      closingSessions(
        () => target.openDatabase(database),
        async (openAfter) => {
          const [source, shadow] = [await openBefore(), await openAfter()];
          const [before, after] = [await readSchemaModel(source), await readSchemaModel(shadow)];
          const targetChanged = versionChecksum(before) !== record.targetChecksum;
          const shadowChanged = versionChecksum(after) !== record.shadowChecksum;
          const ran =
            probes.length === 0
              ? []
              : await runProbes({ openBefore, openAfter }, probes, { signal });
          return {
            ...{ targetChanged, shadowChanged, probes: ran, schema: assessed(before, after) },
            lagBytes: await readLagOf(source, record),
            tables: await countMapped({ source, shadow, tables: record.tables, signal }),
            warnings: warnOfChanges(targetChanged, shadowChanged),
          };
        },
      ),
  );
}

function staleSides(stale: string): Sides {
  const warning = `${stale}: this shadow can only be removed, with \`belay shadow abort\``;
  return {
    ...{ targetChanged: true, shadowChanged: false, lagBytes: null },
    ...{ schema: [], tables: [], probes: [], warnings: [warning] },
  };
}

async function readLagOf(source: Session, { replication }: ShadowRecord): Promise<number | null> {
  return replication && readLag(source, replication.slot);
}

function warnOfChanges(targetChanged: boolean, shadowChanged: boolean): string[] {
  const then = 'it can be synced and promoted no more: abort it and create it again';
  return [
    ...(targetChanged
      ? [`the schema of the target has changed since the shadow was made; ${then}`]
      : []),
    ...(shadowChanged
      ? ['the schema of the shadow has changed since the migration; a promote is refused']
      : []),
  ];
}

const muchBytes = 64 * 1024 * 1024;

function warnOfSlot({ replication }: ShadowRecord, slot: SlotHold | null): string[] {
  if (!replication) return [];
  const what = `the replication slot "${replication.slot}"`;
  if (!slot) return [`${what} is gone: the next sync finds changes by scanning`];
  if (slot.walStatus === 'lost') {
    return [`${what} is lost: the server has removed WAL that it needs; the next sync scans`];
  }
  const held = slot.heldBytes ?? 0;
  if (slot.walStatus === 'unreserved' || held > muchBytes) {
    const size = `${Math.round(held / 1e6).toLocaleString('en-US')} MB`;
    return [`${what} keeps ${size} of WAL on the server: \`belay shadow sync\` lets it go`];
  }
  return [];
}

async function warnOfOthers(target: Target, { replication }: ShadowRecord): Promise<string[]> {
  const bound = await readReplicationBound(target.main, target.database);
  const others = bound.filter(({ name }) => name !== replication?.slot);
  if (others.length === 0) return [];
  const listed = others.map(({ kind, name }) => `${kind} "${name}"`).join(', ');
  return [`"${target.database}" is replicated (${listed}): a promote is refused as long as it is`];
}
