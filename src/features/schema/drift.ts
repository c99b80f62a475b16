import { type AssessedChange, assessChanges } from '../../domain/change-safety.js';
import { findStatement, type SeenStatement, withoutConstants } from '../../domain/ddl-statement.js';
import { parseDefinition } from '../../domain/definition.js';
import type { HistoryEntry } from '../../domain/history.js';
import type { Safety } from '../../domain/safety.js';
import {
  compareSchemas,
  type SchemaChange,
  type SchemaModel,
  versionChecksum,
  withoutColumnOrder,
} from '../../domain/schema-model.js';
import {
  readDdlStatements,
  readDroppedAt,
  readTraceSources,
  readWrittenAt,
  type TraceSources,
} from '../../postgres/ddl-traces.js';
import type { AddressedModel, CatalogAddress } from '../../postgres/schema/read-schema-model.js';
import type { Session } from '../../postgres/session.js';
import { readAddressedVersion } from '../branch/version-model.js';

/** What the database itself knows of how an object came to be as it is. What it does not know is null. */
export interface ChangeTrace {
  /** Who owns the object now, or owned it. */
  readonly owner: string | null;
  /** When the object's rows in the catalogs were last written, ISO 8601. */
  readonly changedAt: string | null;
  /** Who ran `statement`. */
  readonly by: string | null;
  /** A statement that names the object and may have done it, without the constants in it. */
  readonly statement: string | null;
}

/** A difference between the recorded schema and the live one. */
export interface DriftChange extends SchemaChange {
  /** What it did to the rows that were there. */
  readonly safety: Safety;
  /** Null: nothing more than that it happened after the schema was recorded. */
  readonly seen: ChangeTrace | null;
}

/** How the live schema differs from the last one that was recorded. */
export interface Drift {
  readonly drifted: boolean;
  readonly changes: readonly DriftChange[];
  readonly recorded: {
    readonly version: string;
    /** ISO 8601. */
    readonly at: string;
    readonly checksum: string;
  };
  readonly live: { readonly checksum: string };
  /** What could not be known or compared, and what would make it known. */
  readonly notes: readonly string[];
}

/** What was recorded last. */
export interface RecordedSchema {
  readonly model: SchemaModel;
  readonly entry: Pick<HistoryEntry, 'version' | 'at'>;
}

/**
 * Compares the schema of the session's database with the recorded one, and says who, when and how, as far as
 * the database knows. Owners and grants are part of the schema; rows and the values of sequences are not.
 *
 * @example
 * const drift = await findDrift(session, { model: await history.readModel(entry.checksum), entry });
 * // { drifted: true, changes: [{ kind: 'added', object: 'index', name: 'public.by_email', seen: {…}, … }], … }
 */
export async function findDrift(session: Session, recorded: RecordedSchema): Promise<Drift> {
  const { entry } = recorded;
  const live = await readAddressedVersion(session);
  const before = withoutColumnOrder(recorded.model);
  const after = withoutColumnOrder(live.model);
  const found = assessChanges(compareSchemas(before, after), before, after);
  const traced = found.length === 0 ? noTraces : await trace(session, { found, recorded, live });
  const unmodelled = describeUnmodelled(recorded.model, live.model);
  return {
    drifted: found.length > 0,
    changes: traced.changes,
    recorded: { version: entry.version, at: entry.at, checksum: versionChecksum(recorded.model) },
    live: { checksum: versionChecksum(live.model) },
    notes: [...traced.notes, ...unmodelled],
  };
}

interface Traced {
  readonly changes: readonly DriftChange[];
  readonly notes: readonly string[];
}

const noTraces: Traced = { changes: [], notes: [] };

interface Found {
  readonly found: readonly AssessedChange[];
  readonly recorded: RecordedSchema;
  readonly live: AddressedModel;
}

async function trace(session: Session, { found, recorded, live }: Found): Promise<Traced> {
  const sources = await readTraceSources(session);
  const before = new Definitions(recorded.model);
  const after = new Definitions(live.model, live.addresses);
  const statements = await readDdlStatements(session, sources);
  const times = sources.keepsTimes ? await readTimes(session, found, after) : new Map();
  const since = recorded.entry.at;
  const changes = found.map((change): DriftChange => {
    const { kind, object, name, detail, safety } = change;
    const side = kind === 'removed' ? before : after;
    const statement = findStatement(change, side.of(object, name), { statements, since });
    const changedAt = times.get(change) ?? null;
    const seen = traceOf(change, { owner: side.ownerOf(object, name), changedAt, statement });
    return { kind, object, name, detail, safety, seen };
  });
  return { changes, notes: describeSources(session, sources, changes) };
}

function traceOf(
  { kind }: SchemaChange,
  known: { owner: string | null; changedAt: string | null; statement: SeenStatement | undefined },
): ChangeTrace | null {
  const { owner, changedAt, statement } = known;
  // Of what is gone, whose it was says nothing about who removed it.
  const isKnown = changedAt !== null || statement !== undefined || (kind !== 'removed' && owner);
  if (!isKnown) return null;
  return {
    ...{ owner, changedAt, by: statement?.by ?? null },
    statement: statement ? withoutConstants(statement.sql) : null,
  };
}

/** The objects of a model by kind and name. */
class Definitions {
  readonly #definitions = new Map<string, string>();
  readonly #addresses = new Map<string, CatalogAddress>();

  constructor({ objects }: SchemaModel, addresses: readonly CatalogAddress[] = []) {
    for (const [index, { kind, name, definition }] of objects.entries()) {
      const key = `${kind}\0${name}`;
      this.#definitions.set(key, definition);
      const address = addresses[index];
      if (address) this.#addresses.set(key, address);
    }
  }

  of(kind: string, name: string): string {
    return this.#definitions.get(`${kind}\0${name}`) ?? '';
  }

  addressOf(kind: string, name: string): CatalogAddress | undefined {
    return this.#addresses.get(`${kind}\0${name}`);
  }

  /** Whose it is: a column, an index or a policy is its table's owner's. */
  ownerOf(kind: string, name: string): string | null {
    const { owner, on } = parseDefinition(this.of(kind, name));
    if (typeof owner === 'string') return owner;
    if (typeof on !== 'string') return null;
    for (const holder of holders) {
      const { owner: theirs } = parseDefinition(this.of(holder, on));
      if (typeof theirs === 'string') return theirs;
    }
    return null;
  }
}

const holders = [
  ...['table', 'view', 'materialized view', 'foreign table'],
  ...['composite type', 'domain'],
];

/** By change: when it, or for a dropped column its table, was last written. */
async function readTimes(
  session: Session,
  found: readonly AssessedChange[],
  after: Definitions,
): Promise<Map<SchemaChange, string | null>> {
  const times = new Map<SchemaChange, string | null>();
  const present = found.flatMap((change) => {
    const address = after.addressOf(change.object, change.name);
    return address && change.kind !== 'removed' ? [{ change, address }] : [];
  });
  const addresses = present.map(({ address }) => address);
  const written = await readWrittenAt(session, addresses);
  for (const [index, { change }] of present.entries()) times.set(change, written[index] ?? null);
  const dropped = found.flatMap((change) => {
    if (change.kind !== 'removed' || change.object !== 'column') return [];
    const table = after.addressOf('table', tableOf(change.name));
    return table ? [{ change, id: String(table.id) }] : [];
  });
  const byTable = await readDroppedAt(session, [...new Set(dropped.map(({ id }) => id))]);
  for (const { change, id } of dropped) times.set(change, byTable.get(id) ?? null);
  return times;
}

/** "public.orders" of the column "public.orders.total". */
const tableOf = (column: string): string => column.replace(/\.(?:"(?:[^"]|"")*"|[^."]+)$/, '');

const howToKnowMore =
  'log_statement = ddl writes each change and its role to the server’s log from then on';

/** What is missing in the answers, and why. */
function describeSources(
  session: Session,
  sources: TraceSources,
  changes: readonly DriftChange[],
): string[] {
  const notes: string[] = [];
  if (!sources.keepsTimes) {
    notes.push(
      'when: not known, track_commit_timestamp is off; once it is on (which needs a restart) the server keeps the time of every change',
    );
  } else if (changes.some(({ seen }) => !seen?.changedAt)) {
    notes.push('when: not known of all changes; of what was removed the server keeps no time');
  }
  const isOpen = changes.some(({ seen }) => !seen?.by);
  if (isOpen) notes.push(`who: not known of all changes; ${whyNobody(sources)}`);
  if (!isOpen || changes.some(({ seen }) => seen?.by)) {
    notes.push(
      session.serverVersion >= 170000
        ? 'who: taken from statements that name the object; others may have changed it, too'
        : 'who: taken from statements that name the object, and this server does not say when a statement of the past ran: it may have been before the schema was recorded',
    );
  }
  return notes;
}

function whyNobody({ isLoaded, extensionSchema, mayReadAll }: TraceSources): string {
  if (!isLoaded) return `pg_stat_statements is not loaded, and ${howToKnowMore}`;
  if (extensionSchema === null) {
    return 'pg_stat_statements is loaded, and CREATE EXTENSION pg_stat_statements in this database lets it be read';
  }
  if (!mayReadAll) {
    return 'this role does not see the statements of others: GRANT pg_read_all_stats lets it';
  }
  return `no statement that the server still knows names them; ${howToKnowMore}`;
}

/** What neither checksum covers. */
function describeUnmodelled(
  { unmodelled: before = [] }: SchemaModel,
  { unmodelled: after = [] }: SchemaModel,
): string[] {
  const all = [...new Set([...before, ...after])].sort();
  return all.map((what) => {
    const since = before.includes(what) ? '' : ' (it was not there when the schema was recorded)';
    const gone = after.includes(what) ? '' : ' (it is not there any more)';
    return `not compared: ${what}${since}${gone}`;
  });
}
