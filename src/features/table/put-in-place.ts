import {
  type ConstraintName,
  encodeTableSchemaRecord,
  type KeptRecord,
} from '../../domain/table-schema-record.js';
import { BelayError } from '../../errors.js';
import { sqlStateOf } from '../../postgres/pg-error.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../../postgres/session.js';
import { quoteQualifiedName } from '../../postgres/sql/tables.js';
import {
  joinPublicationSql,
  leavePublicationSql,
  readDefinition,
} from '../../postgres/table/definitions.js';
import {
  addForeignKeySql,
  dropForeignKeySql,
  type ForeignKey,
} from '../../postgres/table/foreign-keys.js';
import type { OwnedObject } from '../../postgres/table/read-tables.js';
import { keepAhead } from '../../postgres/table/sequences.js';
import { among, type Blueprint } from './blueprint.js';
import type { Survey } from './survey.js';

export interface PlaceOrder {
  readonly session: Session;
  readonly blueprint: Blueprint;
  readonly survey: Survey;
  /** Schemas for what is replaced, by the schema that it is in now. */
  readonly kept: ReadonlyMap<string, string>;
  readonly snapshotId: string;
}

const doing = 'putting the table in place';

/** What fails when something else has taken a name, or does not fit what the table was. */
const misfitStates: Readonly<Record<string, string>> = {
  '42P07': 'a name is taken',
  '42710': 'a name is taken',
  '42P16': 'a view would have other columns',
  '42830': 'what a foreign key refers to is not unique',
  '42804': 'types differ',
  '42703': 'a column is missing',
  '23503': 'a row refers to one that is not there',
};

/**
 * The swap itself, in a transaction that holds the locks: what is there moves to a schema of its own, the restored tables
 * take its place, and everything that referred to the one refers to the other.
 * @returns the foreign keys that are not validated yet
 */
export async function putInPlace(order: PlaceOrder): Promise<ConstraintName[]> {
  try {
    return await moveAll(order);
  } catch (error) {
    const why = misfitStates[sqlStateOf(error) ?? ''];
    if (why === undefined || !(error instanceof BelayError)) throw error;
    throw new BelayError(
      'DEPENDENTS_IN_THE_WAY',
      `the table does not fit any more, ${why}: ${error.message}`,
      {
        hint: 'Nothing was changed. Restore it beside what is there with --into-schema NAME.',
        details: error.details,
        cause: error,
      },
    );
  }
}

async function moveAll(order: PlaceOrder): Promise<ConstraintName[]> {
  const { session, blueprint, survey } = order;
  const run = async (statements: readonly string[]) => {
    for (const sql of statements) await session.execute(sql, doing);
  };
  // Printed now: later the names in them would be those of what is kept.
  const definitions = await readDefinitions(order);
  await keepSequencesAhead(order);
  await run([...survey.presentIncoming, ...survey.presentOutgoing].map(dropForeignKeySql));
  await run(leave(survey));
  await run(moveAway(order));
  await run(moveIn(blueprint));
  const keys = [...survey.outgoing, ...survey.incoming];
  const mayWait = (key: ForeignKey) => !key.ofPartitioned || session.serverVersion >= 180000;
  await run(keys.flatMap((key) => addForeignKeySql(key, mayWait(key))));
  await run(attach(blueprint, survey));
  await run(definitions);
  await run(survey.memberships.map(joinPublicationSql));
  const unvalidated = keys
    .filter((key) => key.enforced && key.validated && mayWait(key))
    .map(nameOf);
  await run(finishAside(blueprint, unvalidated));
  return unvalidated;
}

const nameOf = ({ table, name }: ForeignKey): ConstraintName => ({
  schema: table.schema,
  table: table.name,
  name,
});

async function readDefinitions({ session, survey, kept }: PlaceOrder): Promise<string[]> {
  const statements: string[] = [];
  const away = quoteIdentifier(firstKept({ survey, kept }));
  for (const dependent of survey.dependents) {
    const again = survey.materializedViews.get(dependent.oid);
    if (dependent.kind !== 'materialized view' || !again) {
      statements.push(await readDefinition(session, dependent));
      continue;
    }
    const name = quoteQualifiedName(again.view);
    statements.push(`ALTER MATERIALIZED VIEW ${name} SET SCHEMA ${away}; ${again.script}`);
    // Its functions find what they name without a schema as they do for everybody else.
    const refresh = `SET LOCAL search_path TO DEFAULT; REFRESH MATERIALIZED VIEW ${name}; SET LOCAL search_path TO pg_catalog`;
    if (again.populated) statements.push(refresh);
  }
  return statements;
}

/** For what is not in the schema of a table. */
function firstKept({ survey, kept }: Pick<PlaceOrder, 'survey' | 'kept'>): string {
  const first = survey.existing.find((facts) => facts !== undefined);
  return kept.get(first?.schema ?? '') ?? '';
}

/** Only what is replaced has handed out values since. */
async function keepSequencesAhead({ session, blueprint, survey }: PlaceOrder): Promise<void> {
  const isPresent = among(survey.owned.filter(({ kind }) => kind === 'sequence'));
  for (const { kind, schema, name } of blueprint.owned) {
    if (kind !== 'sequence' || !isPresent({ schema, name })) continue;
    const aside = { schema: blueprint.asides.get(schema) ?? '', name };
    await keepAhead(session, aside, { schema, name });
  }
}

function leave({ memberships, existing }: Survey): string[] {
  const isPresent = among(existing.filter((facts) => facts !== undefined));
  return memberships.filter(({ table }) => isPresent(table)).map(leavePublicationSql);
}

/** What is kept has no foreign keys to others: those would hold up what is in use, or change what is kept. */
function moveAway({ survey, kept, snapshotId }: PlaceOrder): string[] {
  const fallback = firstKept({ survey, kept });
  const present = survey.existing.filter((facts) => facts !== undefined);
  if (present.length === 0) return [];
  const record: KeptRecord = {
    kind: 'kept',
    at: new Date().toISOString(),
    snapshotId,
    foreignKeys: survey.presentOutgoing.flatMap((key) => addForeignKeySql(key, false)),
  };
  const comment = quoteLiteral(encodeTableSchemaRecord(record));
  const places = new Map(present.map(({ schema }) => [schema, kept.get(schema) ?? '']));
  return [
    ...[...places.values()].flatMap((name) => [
      `CREATE SCHEMA ${quoteIdentifier(name)}`,
      `COMMENT ON SCHEMA ${quoteIdentifier(name)} IS ${comment}`,
    ]),
    ...present
      .filter(({ bound }) => bound !== null)
      .map(
        (facts) => `ALTER TABLE ${facts.parents[0]} DETACH PARTITION ${quoteQualifiedName(facts)}`,
      ),
    ...moveStatistics(survey.owned, (schema) => places.get(schema) ?? fallback),
    ...present.map((facts) => {
      const schema = quoteIdentifier(places.get(facts.schema) ?? '');
      return `ALTER TABLE ${quoteQualifiedName(facts)} SET SCHEMA ${schema}`;
    }),
  ];
}

function moveStatistics(
  owned: readonly OwnedObject[],
  schemaOf: (schema: string) => string,
): string[] {
  return owned
    .filter(({ kind }) => kind === 'statistics')
    .map((object) => {
      const schema = quoteIdentifier(schemaOf(object.schema));
      return `ALTER STATISTICS ${quoteQualifiedName(object)} SET SCHEMA ${schema}`;
    });
}

/** Moves what was built to the schemas that it belongs to, or to others. */
export function moveIn(blueprint: Blueprint, into?: string): string[] {
  const { asides, owned, tables } = blueprint;
  const fallback = [...asides.values()][0] ?? '';
  const statistics = owned.filter(({ kind }) => kind === 'statistics');
  return [
    ...statistics.map(({ schema, name }) => {
      const aside = quoteQualifiedName({ schema: asides.get(schema) ?? fallback, name });
      return `ALTER STATISTICS ${aside} SET SCHEMA ${quoteIdentifier(into ?? schema)}`;
    }),
    ...tables.map(({ aside, table }) => {
      const schema = quoteIdentifier(into ?? table.schema);
      return `ALTER TABLE ${quoteQualifiedName(aside)} SET SCHEMA ${schema}`;
    }),
  ];
}

/** Name of the CHECK that says of a table aside what its partition bound will say, so that nothing is read again. */
export const boundCheck = 'belay_bound';

function attach({ tables }: Blueprint, { existing }: Survey): string[] {
  return tables.flatMap(({ table, attach: then }, index) => {
    const now = existing[index];
    const name = quoteQualifiedName(table);
    if (!now) return then ? [then.definition] : [];
    if (now.bound === null) return [];
    return [
      `ALTER TABLE ${now.parents[0]} ATTACH PARTITION ${name} ${now.bound}`,
      `ALTER TABLE ${name} DROP CONSTRAINT IF EXISTS ${boundCheck}`,
    ];
  });
}

/** The schemas are gone, or one says what is left to do: a kill now must not leave foreign keys unproven. */
export function finishAside(
  { asides }: Pick<Blueprint, 'asides'>,
  validate: readonly ConstraintName[],
): string[] {
  const record = { kind: 'aside', at: new Date().toISOString(), validate } as const;
  const comment = quoteLiteral(encodeTableSchemaRecord(record));
  return [...asides.values()].map((schema, index) => {
    const name = quoteIdentifier(schema);
    return index === 0 && validate.length > 0
      ? `COMMENT ON SCHEMA ${name} IS ${comment}`
      : `DROP SCHEMA ${name}`;
  });
}
