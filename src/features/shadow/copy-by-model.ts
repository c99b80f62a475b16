import { formatDefinition, parseDefinition } from '../../domain/definition.js';
import { reportStep } from '../../domain/reporter.js';
import { createStatements } from '../../domain/schema-ddl/create-statements.js';
import { compareSchemas, type SchemaModel, type SchemaObject } from '../../domain/schema-model.js';
import { BelayError } from '../../errors.js';
import { buildSchema } from '../../postgres/schema/build-schema.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import type { Work } from '../target/work.js';
import type { CopyPlace } from './create-copy.js';

/** What is made when the rows are there: rows go in faster, in any order, and fire nothing. */
const afterRows = new Set([
  ...['index', 'constraint', 'trigger', 'rule', 'policy', 'event trigger', 'publication'],
]);

/**
 * Builds the schema of the target without pg_dump, from the model that Belay reads of it, with the rows put in before
 * indexes, keys and triggers are made. The result is read again and compared.
 * @throws BelayError SCHEMA_NOT_BUILT naming what the model does not hold
 */
export async function buildByModel(
  work: Work,
  place: CopyPlace,
  rows: () => Promise<void>,
): Promise<void> {
  const model = await readSchemaModel(place.frozen.session);
  await refuseBeyondModel(place, model);
  const session = await place.openCopy();
  const early = earlyModel(model);
  await reportStep(work.reporter, { name: 'build tables' }, () => buildSchema(session, early));
  await rows();
  const { differences } = await reportStep(
    work.reporter,
    { name: 'build indexes and constraints' },
    () => buildSchema(session, model),
  );
  // Whoever selects all columns, or inserts without naming them, counts on their order.
  const left =
    differences.length > 0 ? differences : compareSchemas(await readSchemaModel(session), model);
  const [first] = left;
  if (!first) return;
  const listed = left.slice(0, 3).map(({ object, name }) => `${object} ${name}`);
  throw notBuilt(`it cannot make ${listed.join(', ')}: ${first.detail}`, { differences: left });
}

/** What rows can be put into. */
export function earlyModel(model: SchemaModel): SchemaModel {
  const domains = new Set(
    model.objects.flatMap(({ kind, name }) => (kind === 'domain' ? name : [])),
  );
  const objects = model.objects.filter(({ kind, definition }) => {
    if (!afterRows.has(kind)) return true;
    // Those of domains are checked for every value, and have to be there when tables use them.
    return kind === 'constraint' && domains.has(String(parseDefinition(definition).on));
  });
  return { ...model, objects: objects.map(withoutProtection) };
}

/** Row level security would hide from the owner what is copied into the table. */
function withoutProtection(object: SchemaObject): SchemaObject {
  if (object.kind !== 'table') return object;
  const {
    'row level security': _,
    'force row level security': __,
    ...kept
  } = parseDefinition(object.definition);
  return { ...object, definition: formatDefinition(kept) };
}

async function refuseBeyondModel(place: CopyPlace, model: SchemaModel): Promise<void> {
  const [first] = model.unmodelled ?? [];
  if (first !== undefined) {
    throw notBuilt(`its schema has what Belay has no model of: ${model.unmodelled?.join(', ')}`, {
      unmodelled: model.unmodelled,
    });
  }
  const { unsupported } = createStatements(model);
  if (unsupported.length > 0) {
    const listed = unsupported.slice(0, 3).map(({ kind, name }) => `${kind} ${name}`);
    throw notBuilt(`it has secrets, or what no SQL makes: ${listed.join(', ')}`, { unsupported });
  }
  const { has } = await place.frozen.session.queryOne<{ has: boolean }>(
    'SELECT EXISTS (SELECT FROM pg_largeobject_metadata) AS has',
  );
  if (has) throw notBuilt('it has large objects', {});
}

function notBuilt(why: string, details: Record<string, unknown>): BelayError {
  return new BelayError(
    'SCHEMA_NOT_BUILT',
    `the database cannot be copied table by table without pg_dump: ${why}`,
    {
      hint: "Install the client programs of the server's version, or set BELAY_PG_BIN; or use --method clone.",
      details,
    },
  );
}
