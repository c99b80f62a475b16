import type { SequenceValue } from '../../domain/fingerprint.js';
import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import { reportStep } from '../../domain/reporter.js';
import type { SchemaObject } from '../../domain/schema-model.js';
import type { ContentsEntry, TableOfContents } from '../../domain/table-of-contents.js';
import { tableSchemaName } from '../../domain/table-schema-record.js';
import {
  type SelectionProblem,
  selectTables,
  type TableSelection,
} from '../../domain/table-selection.js';
import { BelayError } from '../../errors.js';
import { readSchemaModel } from '../../postgres/schema/read-schema-model.js';
import { quoteIdentifier, type Session } from '../../postgres/session.js';
import { quoteQualifiedName } from '../../postgres/sql/tables.js';
import { type Membership, readMemberships } from '../../postgres/table/definitions.js';
import {
  dropForeignKeySql,
  type ForeignKey,
  readForeignKeys,
} from '../../postgres/table/foreign-keys.js';
import { type Grant, readGrants } from '../../postgres/table/grants.js';
import {
  type OwnedObject,
  readOwnedObjects,
  readTableFacts,
  type TableFacts,
} from '../../postgres/table/read-tables.js';
import { readSequenceValue } from '../../postgres/table/sequences.js';
import type { Work } from '../target/work.js';
import { dumpSchemaScripts, type SchemaScripts } from './dump-schema.js';
import { lacksTablespaces, readContents, restoreEntries, withScratchDatabase } from './scratch.js';
import type { TableSource } from './table-source.js';

/** One table of the snapshot, as it was there. */
export interface BlueprintTable {
  readonly table: QualifiedName;
  /** Where it is built. */
  readonly aside: QualifiedName;
  readonly facts: TableFacts;
  /** How it was attached, where it was a partition. */
  readonly attach: ContentsEntry | undefined;
}

/** Everything about the snapshot's tables but their rows. */
export interface Blueprint {
  readonly tables: readonly BlueprintTable[];
  /** Schemas that the tables are built in, by the schema that they belong to. */
  readonly asides: ReadonlyMap<string, string>;
  /** SQL that makes the tables there; foreign keys only between them. */
  readonly scripts: SchemaScripts;
  /** What the schemas hold when that has run. */
  readonly objects: readonly SchemaObject[];
  readonly grants: readonly Grant[];
  readonly owners: readonly string[];
  /** Sequences and statistics objects, under their own names. */
  readonly owned: readonly OwnedObject[];
  readonly sequences: readonly {
    readonly sequence: QualifiedName;
    readonly value: SequenceValue;
  }[];
  /** Foreign keys to other tables, and of others on these. */
  readonly outgoing: readonly ForeignKey[];
  readonly incoming: readonly ForeignKey[];
  readonly memberships: readonly Membership[];
}

export interface BlueprintOrder {
  readonly source: TableSource;
  readonly tables: readonly QualifiedName[];
  readonly id: string;
  /** A session in the database that the tables go to, or in one like it. */
  readonly like: Session;
  /** Gets what the tables need, for a new database. */
  readonly prepare?:
    | ((file: string, toc: TableOfContents, found: TableSelection) => Promise<void>)
    | undefined;
}

/**
 * Makes the schema of the tables in a scratch database, moves it to the schemas in which it will be built, and has
 * PostgreSQL print it there: so nothing ever rewrites SQL.
 * @throws BelayError TABLE_NOT_FOUND, USAGE, RESTORE_FAILED
 */
export function readBlueprint(work: Work, order: BlueprintOrder): Promise<Blueprint> {
  const { source, tables, like } = order;
  return reportStep(work.reporter, { name: 'read the schema of the snapshot' }, () =>
    source.withSchemaFile(async (file) => {
      const contents = await readContents(file);
      const selection = selectTables(contents, tables);
      if ('type' in selection) throw cannotSelect(selection, source);
      await order.prepare?.(file, contents, selection);
      return withScratchDatabase(work, like, async (database) => {
        const entries = [...selection.schema, ...selection.sequenceValues];
        const ignoreTablespaces = await lacksTablespaces(like, selection.schema);
        if (ignoreTablespaces) warnOfTablespaces(work);
        const restore = { database, file, contents, ignoreTablespaces };
        await restoreEntries(work, { ...restore, entries, mustBeWhole: true });
        const whole = await restoreEntries(work, {
          ...restore,
          entries: selection.around,
          mustBeWhole: false,
        });
        if (!whole) warnOfAround(work);
        const session = await work.target.openDatabase(database);
        try {
          return await readScratch(work, order, selection, database, session);
        } finally {
          await session.close();
        }
      });
    }),
  );
}

function cannotSelect(problem: SelectionProblem, { snapshot }: TableSource): BelayError {
  const table = formatQualifiedName(problem.table);
  if (problem.type === 'missing') {
    return new BelayError('TABLE_NOT_FOUND', `snapshot "${snapshot.tag}" has no table ${table}`, {
      hint: 'Name it as "schema.table", as `belay show` prints it.',
    });
  }
  return new BelayError('USAGE', `${table} is ${problem.kind}, not a table with rows of its own`, {
    hint: 'Restore the snapshot into another database with --to, and take it from there.',
  });
}

function warnOfTablespaces({ reporter }: Work): void {
  reporter({
    type: 'warning',
    message: 'the server has not got a tablespace of the table: it goes to the database’s own',
  });
}

function warnOfAround({ reporter }: Work): void {
  reporter({
    type: 'warning',
    message:
      'not every foreign key on the table and publication of it could be read from the snapshot: one that is gone from the database may not come back',
  });
}

async function readScratch(
  work: Work,
  order: BlueprintOrder,
  selection: TableSelection,
  database: string,
  session: Session,
): Promise<Blueprint> {
  const facts = await checkTables(session, order.tables);
  const asides = nameAsides(order);
  const place = (table: QualifiedName) => ({ ...table, schema: asides.get(table.schema) ?? '' });
  const isWanted = among(order.tables);
  const outgoing = await readForeignKeys(session, 'outgoing', order.tables);
  const incoming = await readForeignKeys(session, 'incoming', order.tables);
  const memberships = await readMemberships(session, order.tables);
  const owned = await readOwnedObjects(session, order.tables);
  const others = {
    outgoing: outgoing.filter(({ refersTo }) => !isWanted(refersTo)),
    incoming: incoming.filter(({ table }) => !isWanted(table)),
  };
  const sequences = await readValues(session, order, selection, owned);
  await moveAside(session, order.tables, asides, owned, others);
  const schemas = [...asides.values()];
  return {
    tables: order.tables.map((table, index) => ({
      table,
      aside: place(table),
      facts: facts[index] as TableFacts,
      attach: selection.tables[index]?.attach,
    })),
    ...{ asides, owned, sequences, memberships, ...others },
    owners: [...new Set(facts.map(({ owner }) => owner))],
    grants: await readGrants(session, schemas),
    objects: await readObjectsIn(session, schemas),
    scripts: await dumpSchemaScripts(work, database, {
      dump: schemas.map((schema) => `--schema=${schema}`),
      restore: schemas.map((schema) => `--schema=${schema}`),
    }),
  };
}

/** Whether a table is one of some. */
export function among(tables: readonly QualifiedName[]): (table: QualifiedName) => boolean {
  const names = new Set(tables.map(formatQualifiedName));
  return (table) => names.has(formatQualifiedName(table));
}

async function checkTables(
  session: Session,
  tables: readonly QualifiedName[],
): Promise<TableFacts[]> {
  const facts = await readTableFacts(session, tables);
  return facts.map((found, index) => {
    const name = formatQualifiedName(tables[index] as QualifiedName);
    if (!found) throw new BelayError('RESTORE_FAILED', `the snapshot gives no table ${name}`);
    if (found.kind === 'p') {
      throw new BelayError('USAGE', `${name} is partitioned: its rows are in its partitions`, {
        hint: 'Restore its partitions by name, each with --table.',
      });
    }
    if (found.parents.length > 0 || found.children.length > 0) {
      throw new BelayError('USAGE', `${name} is part of an inheritance of tables`, {
        hint: 'Such tables cannot be replaced one by one. Restore the snapshot into another database with --to.',
      });
    }
    return found;
  });
}

/** Two schemas may have tables or indexes of the same name: so each gets a schema of its own. */
function nameAsides({ tables, id }: BlueprintOrder): Map<string, string> {
  const schemas = [...new Set(tables.map(({ schema }) => schema))];
  return new Map(schemas.map((schema, index) => [schema, tableSchemaName('aside', id, index)]));
}

async function readValues(
  session: Session,
  { source }: BlueprintOrder,
  selection: TableSelection,
  owned: readonly OwnedObject[],
): Promise<Blueprint['sequences']> {
  const values: { sequence: QualifiedName; value: SequenceValue }[] = [];
  for (const { schema, name } of owned.filter(({ kind }) => kind === 'sequence')) {
    const sequence = { schema, name };
    const recorded = source.snapshot.fingerprint?.sequences[formatQualifiedName(sequence)];
    if (recorded) values.push({ sequence, value: recorded });
    else if (selection.sequenceValues.length > 0) {
      values.push({ sequence, value: await readSequenceValue(session, sequence) });
    }
  }
  return values;
}

async function moveAside(
  session: Session,
  tables: readonly QualifiedName[],
  asides: ReadonlyMap<string, string>,
  owned: readonly OwnedObject[],
  others: { readonly outgoing: readonly ForeignKey[]; readonly incoming: readonly ForeignKey[] },
): Promise<void> {
  const statements = [
    ...[...asides.values()].map((name) => `CREATE SCHEMA ${quoteIdentifier(name)}`),
    ...[...others.outgoing, ...others.incoming].map(dropForeignKeySql),
    ...statisticsMoves(tables, asides, owned),
    ...tables.map((table) => {
      const aside = quoteIdentifier(asides.get(table.schema) ?? '');
      return `ALTER TABLE ${quoteQualifiedName(table)} SET SCHEMA ${aside}`;
    }),
  ];
  await session.transaction(async () => {
    for (const sql of statements) await session.execute(sql, 'reading the schema of the snapshot');
  });
}

/** Statistics objects may be in another schema than their table; they move by themselves. */
function statisticsMoves(
  tables: readonly QualifiedName[],
  asides: ReadonlyMap<string, string>,
  owned: readonly OwnedObject[],
): string[] {
  const fallback = asides.get(tables[0]?.schema ?? '') ?? '';
  return owned
    .filter(({ kind }) => kind === 'statistics')
    .map((object) => {
      const aside = quoteIdentifier(asides.get(object.schema) ?? fallback);
      return `ALTER STATISTICS ${quoteQualifiedName(object)} SET SCHEMA ${aside}`;
    });
}

/** All objects of some schemas, without the schemas. */
export async function readObjectsIn(
  session: Session,
  schemas: readonly string[],
): Promise<SchemaObject[]> {
  const { objects } = await readSchemaModel(session);
  return objects.filter(
    ({ kind, name }) =>
      kind !== 'schema' && schemas.some((schema) => name.startsWith(`${schema}.`)),
  );
}
