import type { Expectation } from '../../domain/drill.js';
import type { Fingerprint, SequenceValue } from '../../domain/fingerprint.js';
import type { DatabaseLocale, Requirements, SequenceRange } from '../../domain/manifest.js';
import { formatQualifiedName } from '../../domain/qualified-name.js';
import { portableChecksum, type SchemaModel, schemaChecksum } from '../../domain/schema-model.js';
import { readContentHashes } from '../../postgres/content-hash.js';
import { countAll } from '../../postgres/count-tables.js';
import { readFingerprint } from '../../postgres/fingerprint.js';
import type { FrozenDatabase } from '../../postgres/frozen-database.js';
import { readDatabaseLocale, readRequirements } from '../../postgres/requirements.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import type { Session } from '../../postgres/session.js';
import type { ChosenTables } from './choose-tables.js';

/** What is read of a database beside its archive, at the same moment. */
export interface Facts {
  readonly fingerprint: Fingerprint;
  readonly model: SchemaModel;
  readonly portableChecksum: string;
  /** With `--drill deep`. */
  readonly contentHashes: Readonly<Record<string, string>> | null;
}

/** What an archive needs to be restored. */
export interface Needs {
  readonly locale: DatabaseLocale;
  readonly requires: Requirements;
}

export async function readNeeds(session: Session): Promise<Needs> {
  return { locale: await readDatabaseLocale(session), requires: await readRequirements(session) };
}

/**
 * Counts a frozen database while pg_dump reads the same moment of it.
 * @param open opens further sessions in the database; the caller closes them
 */
export async function readFrozenFacts(
  frozen: FrozenDatabase,
  open: () => Promise<Session>,
  options: { readonly deep: boolean; readonly signal?: AbortSignal | undefined },
): Promise<Facts> {
  const { within } = frozen;
  const { signal } = options;
  const { fingerprint, model } = await readFingerprint(holderFirst(frozen, open), {
    signal,
    within,
  });
  const contentHashes = options.deep
    ? await readContentHashes(holderFirst(frozen, open), { signal, within })
    : null;
  return { fingerprint, model, portableChecksum: portableChecksum(model), contentHashes };
}

/** The same of an archive with the rows of some tables only: the whole schema, and the rows of no other table. */
export async function readChosenFacts(
  frozen: FrozenDatabase,
  open: () => Promise<Session>,
  { tables, partial }: ChosenTables,
  options: { readonly deep: boolean; readonly signal?: AbortSignal | undefined },
): Promise<Facts> {
  const { session, within } = frozen;
  const { signal } = options;
  const next = holderFirst(frozen, open);
  const model = await readSchemaModel(await next());
  const counted = await countAll(next, session, tables, { signal, within });
  const rows = new Map(counted.map(({ table, rows }) => [formatQualifiedName(table), rows]));
  const rowCounts = partial.dataOf.map((name): [string, number] => [name, rows.get(name) ?? 0]);
  const only = new Set(partial.dataOf);
  const contentHashes = options.deep
    ? await readContentHashes(holderFirst(frozen, open), {
        ...{ signal, within, only: (name) => only.has(name) },
      })
    : null;
  return {
    fingerprint: {
      ...{ schemaChecksum: schemaChecksum(model), tables: rowCounts.length },
      rows: rowCounts.reduce((sum, [, count]) => sum + count, 0),
      ...{ rowCounts: Object.fromEntries(rowCounts), sequences: {} },
    },
    ...{ model, contentHashes, portableChecksum: portableChecksum(model) },
  };
}

/** Gives the session that holds the moment, then new ones. */
function holderFirst(frozen: FrozenDatabase, open: () => Promise<Session>): () => Promise<Session> {
  let isHolderFree = true;
  return async () => {
    const session = isHolderFree ? frozen.session : await open();
    isHolderFree = false;
    return session;
  };
}

/** The sequences that moved between two readings, with both of their values. */
export function movedSequences(
  before: Readonly<Record<string, SequenceValue>>,
  after: Readonly<Record<string, SequenceValue>>,
): Record<string, SequenceRange> {
  const moved: Record<string, SequenceRange> = {};
  for (const [name, value] of Object.entries(before)) {
    const now = after[name];
    const isSame = now && now.lastValue === value.lastValue && now.isCalled === value.isCalled;
    if (now && !isSame) moved[name] = { from: value.lastValue, to: now.lastValue };
  }
  return moved;
}

export function expectationOf(
  facts: Facts,
  movedSequences: Readonly<Record<string, SequenceRange>>,
): Expectation & { readonly portableChecksum: string } {
  const { fingerprint, model, contentHashes } = facts;
  return {
    fingerprint,
    model,
    contentHashes,
    movedSequences,
    portableChecksum: facts.portableChecksum,
  };
}
