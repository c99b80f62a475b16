import { reportStep } from '../../domain/reporter.js';
import {
  boundToOthers,
  isInvalid,
  isKeyToOthers,
  type LedModel,
  leadModel,
  withoutOddPartitions,
} from '../../domain/schema-branch-model.js';
import type { SchemaNames } from '../../domain/schema-branch-text.js';
import { createStatements } from '../../domain/schema-ddl/create-statements.js';
import { compareSchemas, type SchemaModel } from '../../domain/schema-model.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../../postgres/pg-error.js';
import { prepareBuilding } from '../../postgres/schema/build-schema.js';
import {
  buildObjects,
  outOfLocks,
  readObjectsOf,
  tooManyObjects,
} from '../../postgres/schema-copy/build-objects.js';
import {
  type CopiedRows,
  checkSchemaReadable,
  copySchemaRows,
  copySchemaSequences,
  fillSchemaViews,
  proveRows,
} from '../../postgres/schema-copy/copy-contents.js';
import { leadRoutines } from '../../postgres/schema-copy/lead-routines.js';
import { takenBack } from '../../postgres/schema-copy/nested.js';
import {
  findSchema,
  quoteName,
  readSchemaNames,
  type SchemaFacts,
} from '../../postgres/schema-copy/read-schema.js';
import { renameSchema } from '../../postgres/schema-copy/rename-schema.js';
import type { Session } from '../../postgres/session.js';
import { earlyModel } from '../shadow/copy-by-model.js';
import { throwIfAborted, type Work } from '../target/work.js';

export interface SchemaCopyOrder {
  /** In the closed snapshot that holds the schema. */
  readonly source: Session;
  readonly from: string;
  /** In the database that gets the copy. */
  readonly into: Session;
  readonly to: string;
  /** Before anything is made, in the transaction that makes it: makes room for the name. */
  readonly begin: () => Promise<void>;
  /** When everything but foreign keys to other schemas is there, in the same transaction: takes what others may hold. */
  readonly takeOver: () => Promise<void>;
  /** When the copy is proven, in the same transaction. */
  readonly finish: () => Promise<void>;
}

/**
 * Copies a schema out of a snapshot into a database under another name. Two transactions do it: one renames the schema in the
 * snapshot, so that every reference follows, and is taken back when all was read; the other makes the copy, and commits it whole
 * and proven. A kill at any moment ends both, and the server takes back what they had done: nothing half-made can be left.
 * @throws BelayError SCHEMA_NOT_COPIED, FINGERPRINT_MISMATCH, PERMISSION_DENIED, …
 */
export async function copySchema(work: Work, order: SchemaCopyOrder): Promise<void> {
  const { source, into } = order;
  await checkSchema(order);
  await prepareBuilding(source);
  await prepareBuilding(into);
  // A killed run must not go on making an index for nobody.
  await into.execute(`SET client_connection_check_interval = '1s'`, 'setting up').catch(() => {});
  await takenBack(source, async () => {
    const wanted = await reportStep(work.reporter, { name: 'read', detail: order.from }, () =>
      readRenamed(work, order),
    );
    try {
      await into.transaction(() => makeCopy(work, order, wanted));
    } catch (error) {
      throw sqlStateOf(error) === outOfLocks ? tooManyObjects(wanted.model, error) : error;
    }
  });
}

async function checkSchema({ source, from }: SchemaCopyOrder): Promise<void> {
  const names = await readSchemaNames(source);
  if (names.includes(from)) return checkSchemaReadable(source, from);
  throw new BelayError('SCHEMA_NOT_COPIED', `there is no schema "${from}" to copy`, {
    hint: `There are: ${names.join(', ') || 'none'}. "branches.schema" in the config, or --schema, names it.`,
  });
}

interface Wanted {
  readonly model: SchemaModel;
  /** As it is written in SQL. */
  readonly quotedTo: string;
}

/** The schema as it has to be under its new name, read from the copy in which PostgreSQL has renamed it. */
async function readRenamed(work: Work, order: SchemaCopyOrder): Promise<Wanted> {
  const { from } = order;
  const { model, names, ...texts } = await readUnderName(order);
  const { quotedTo, kept } = names;
  refuseDoubts(from, texts.doubts);
  refuseUnmakeable(from, model, quotedTo);
  tellNotes(work, texts.notes, model, kept);
  const objects = model.objects.filter((object) => !isInvalid(object));
  return { model: { ...model, objects }, quotedTo };
}

/**
 * Renames a schema in the transaction of the session, and reads it with what its texts name led to the new name. The caller takes
 * the transaction back.
 */
export async function readUnderName({
  source,
  from,
  to,
}: Pick<SchemaCopyOrder, 'source' | 'from' | 'to'>): Promise<
  LedModel & { readonly names: SchemaNames }
> {
  const facts = await findSchema(source, from);
  if (!facts) throw new BelayError('BUG', `schema ${from} has gone from a snapshot`);
  const quotedTo = await quoteName(source, to);
  const names = { from, to, quotedTo, kept: new Set(facts.ofExtensions) };
  return { ...(await readLed({ source, from, to }, facts, names)), names };
}

async function readLed(
  { source, from, to }: Pick<SchemaCopyOrder, 'source' | 'from' | 'to'>,
  facts: SchemaFacts,
  names: SchemaNames,
): Promise<LedModel> {
  await renameSchema(source, { from, to, facts });
  // A state of the branch itself has its name already, and its texts mean it.
  if (from === to) {
    return { model: await readObjectsOf(source, names.quotedTo), notes: [], doubts: [] };
  }
  const routines = await leadRoutines(source, names);
  const led = leadModel(await readObjectsOf(source, names.quotedTo), names);
  return {
    model: led.model,
    notes: [...routines.notes, ...led.notes],
    doubts: [...routines.doubts, ...led.doubts],
  };
}

const listOf = (items: readonly string[]): string =>
  items.slice(0, 3).join('; ') + (items.length > 3 ? `; and ${items.length - 3} more` : '');

const useDatabase = 'Or use --isolation database, which copies everything as it is.';

/** What may lead back to the source's data is refused: a branch that writes there would be none. */
function refuseDoubts(from: string, doubts: readonly string[]): void {
  if (doubts.length === 0) return;
  throw new BelayError(
    'SCHEMA_NOT_COPIED',
    `schema "${from}" has code of which nobody can say whether it would go on using "${from}": ${listOf(doubts)}`,
    {
      hint: `Leave the schema out there and rely on search_path, or pass it as a name. ${useDatabase}`,
      details: { doubts },
    },
  );
}

function refuseUnmakeable(from: string, model: SchemaModel, quotedTo: string): void {
  const { unsupported } = createStatements(model);
  const problems = [
    ...(model.unmodelled ?? []).map((what) => `${what} is nothing that Belay can make`),
    ...unsupported.map(({ kind, name }) => `${kind} ${name} has secrets, or what no SQL makes`),
    ...boundToOthers(model, quotedTo),
  ];
  if (problems.length === 0) return;
  throw new BelayError(
    'SCHEMA_NOT_COPIED',
    `schema "${from}" cannot be copied: ${listOf(problems)}`,
    {
      hint: useDatabase.replace('Or use', 'Use'),
      details: { problems },
    },
  );
}

function tellNotes(
  { reporter }: Work,
  mentions: readonly string[],
  { objects }: SchemaModel,
  kept: ReadonlySet<string>,
): void {
  const warn = (message: string) => reporter({ type: 'warning', message });
  if (mentions.length > 0) {
    warn(`texts that name the source’s schema were left as they are: ${listOf(mentions)}`);
  }
  const remote = objects.filter(({ kind }) => kind === 'foreign table').map(({ name }) => name);
  if (remote.length > 0) warn(`foreign tables lead to the same remote rows: ${listOf(remote)}`);
  const invalid = objects.filter(isInvalid).map(({ name }) => name);
  if (invalid.length > 0) warn(`invalid indexes were left out: ${listOf(invalid)}`);
  if (kept.size > 0) {
    warn(
      'extensions live in the source’s schema, so it stays in search_path behind the branch’s: a table that the branch drops shows the source’s',
    );
  }
}

/** In the transaction that commits the copy. */
async function makeCopy(work: Work, order: SchemaCopyOrder, wanted: Wanted): Promise<void> {
  const { source, into, to } = order;
  const { reporter, signal } = work;
  const { model, quotedTo } = wanted;
  const step = <T>(name: string, run: () => Promise<T>) => reportStep(reporter, { name }, run);
  await order.begin();
  const make = async (part: SchemaModel) => {
    throwIfAborted(signal);
    const [first] = await buildObjects(into, quotedTo, part);
    if (first) throw notMade(first);
  };
  await step('build tables', async () => {
    const early = earlyModel(model);
    await make(withoutOddPartitions(early));
    await make(early);
  });
  const copied = await step('copy rows', () => copySchemaRows(source, into, to, signal));
  await copySchemaSequences(source, into, to);
  const others = model.objects.filter((object) => isKeyToOthers(object, quotedTo));
  const within = model.objects.filter((object) => !others.includes(object));
  await step('build indexes and constraints', () => make({ ...model, objects: within }));
  await step('fill materialized views', () => fillSchemaViews(source, into, to));
  await step('count', () => proveRows(into, copied as CopiedRows[]));
  throwIfAborted(signal);
  await order.takeOver();
  // From here on writers of the tables that they refer to wait: nothing long may follow.
  if (others.length > 0) await make(model);
  await prove(into, wanted);
  await order.finish();
}

function notMade({ object, name, detail }: { object: string; name: string; detail: string }) {
  return new BelayError(
    'SCHEMA_NOT_COPIED',
    `${object} ${name} could not be made in the copy: ${detail}`,
    { hint: `Nothing was kept of the copy, and the source is as it was. ${useDatabase}` },
  );
}

/** The proof: what was made is the source's schema, with the name that PostgreSQL itself gave it. */
async function prove(into: Session, { model, quotedTo }: Wanted): Promise<void> {
  const differences = compareSchemas(model, await readObjectsOf(into, quotedTo));
  const [first] = differences;
  if (!first) return;
  throw new BelayError(
    'FINGERPRINT_MISMATCH',
    `the copy differs from its source: ${first.object} ${first.name}: ${first.detail}`,
    {
      hint: 'Nothing was kept of the copy, and the source is as it was. Run it again; use --isolation database where it stays.',
      details: { differences },
    },
  );
}
