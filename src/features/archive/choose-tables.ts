import type { SequenceValue } from '../../domain/fingerprint.js';
import type { DatabaseLocale } from '../../domain/manifest.js';
import { excludePatterns, type PartialArchive } from '../../domain/partial-archive.js';
import { formatQualifiedName, type QualifiedName } from '../../domain/qualified-name.js';
import { BelayError } from '../../errors.js';
import { checkReadable } from '../../postgres/fingerprint.js';
import type { FrozenDatabase } from '../../postgres/frozen-database.js';
import type { Session } from '../../postgres/session.js';
import {
  type ChosenPart,
  type ChosenTable,
  readChosenParts,
  readChosenTables,
  readOtherData,
  readReferencesOut,
  readSequencesOf,
} from '../../postgres/sql/chosen-tables.js';
import { readSequenceValues, type SequenceRow } from '../../postgres/sql/tables.js';
import type { Work } from '../target/work.js';

/** Tables whose rows an archive is to hold, as they are in a frozen database. */
export interface ChosenTables {
  readonly partial: PartialArchive;
  /** Tables with rows of their own: partitions instead of what is partitioned. */
  readonly tables: readonly ChosenPart[];
  /** Which of these each asked table stands for, in the order in which they were asked for. */
  readonly asked: readonly { readonly table: string; readonly parts: readonly string[] }[];
  readonly sequences: readonly SequenceRow[];
  /** Of all that belongs to the tables on the disk. */
  readonly sizeBytes: number;
  /** For pg_dump. */
  readonly dumpArguments: readonly string[];
}

/**
 * Finds the tables and what has to go with them: partitions, and sequences that they take values from.
 * @throws BelayError TABLE_NOT_FOUND, USAGE for views and other relations without rows, PERMISSION_DENIED
 */
export async function chooseTables(
  work: Work,
  { session, within }: FrozenDatabase,
  names: readonly QualifiedName[],
  locale: DatabaseLocale,
): Promise<ChosenTables> {
  return within(session, async () => {
    const asked = await readChosenTables(session, names);
    for (const table of asked) checkKind(table);
    const oids = [...new Set(asked.flatMap(({ parts }) => parts))];
    const parts = await readChosenParts(session, oids);
    warnOf(work, parts);
    const tables = parts.filter(({ kind }) => kind === 'r');
    const sequences = await readSequencesOf(session, oids);
    checkReadable(tables, sequences);
    const dataOf = tables.map(formatQualifiedName).sort();
    const unchecked = await readUnchecked(session, tables);
    const byOid = new Map(tables.map((table) => [table.oid, formatQualifiedName(table)]));
    const named = asked.map((table) => ({
      table: formatQualifiedName(table),
      isPartitioned: table.kind === 'p',
      parts: table.parts.flatMap((oid) => byOid.get(oid) ?? []).sort(),
    }));
    const partitioned = named.filter(({ isPartitioned }) => isPartitioned);
    return {
      partial: {
        ...{ dataOf, unchecked },
        partitioned: Object.fromEntries(partitioned.map(({ table, parts }) => [table, parts])),
      },
      ...{ asked: named, tables, sequences },
      sizeBytes: tables.reduce((sum, { totalBytes }) => sum + totalBytes, 0),
      dumpArguments: await dumpArguments(session, { tables, sequences, unchecked }, locale),
    };
  });
}

const kinds: Readonly<Record<string, string>> = {
  v: 'a view',
  m: 'a materialized view',
  f: 'a foreign table',
  S: 'a sequence',
  i: 'an index',
  I: 'an index',
  c: 'a type',
};

function checkKind(table: ChosenTable): void {
  const name = formatQualifiedName(table);
  if (table.kind === 'r' || table.kind === 'p') return;
  if (table.kind === null) {
    throw new BelayError('TABLE_NOT_FOUND', `there is no table ${name} to back up`, {
      hint: 'Nothing was archived. Check the name and its schema.',
    });
  }
  const what = kinds[table.kind] ?? 'no table';
  throw new BelayError('USAGE', `${name} is ${what}, not a table with rows of its own`, {
    hint: 'Nothing was archived. Name tables only: the definitions of all else are in every archive.',
  });
}

/** What somebody who relies on the archive has to know now. */
function warnOf({ reporter }: Work, parts: readonly ChosenPart[]): void {
  for (const part of parts) {
    const name = formatQualifiedName(part);
    if (part.kind === 'f') {
      const message = `${name} is a foreign table: its rows are on another server and are not archived`;
      reporter({ type: 'warning', message });
    }
    if (part.inherits) {
      const message = `${name} is part of an inheritance: its rows are archived, but \`belay restore --table\` cannot put it back; \`belay export\` and pg_restore can`;
      reporter({ type: 'warning', message });
    }
  }
}

async function readUnchecked(
  session: Session,
  tables: readonly ChosenPart[],
): Promise<PartialArchive['unchecked']> {
  const oids = tables.map(({ oid }) => oid);
  const found = await readReferencesOut(session, oids);
  return found.map(({ constraint, otherSchema, otherName, ...table }) => ({
    table: formatQualifiedName(table),
    constraint,
    refersTo: formatQualifiedName({ schema: otherSchema, name: otherName }),
  }));
}

/**
 * The patterns are in UTF-8, and pg_dump compares them in the encoding of the dump: where the database has another one,
 * the dump gets UTF-8. Large objects belong to no table, and no change of a table takes them away.
 */
async function dumpArguments(
  session: Session,
  {
    tables,
    sequences,
    unchecked,
  }: Pick<ChosenTables, 'tables' | 'sequences'> & Pick<PartialArchive, 'unchecked'>,
  { encoding }: DatabaseLocale,
): Promise<string[]> {
  const kept = [...tables, ...sequences];
  const patterns = excludePatterns(kept, await readOtherData(session, kept));
  const names = [
    ...tables.map(formatQualifiedName),
    ...unchecked.map(({ constraint }) => constraint),
  ];
  const isPlain = ![...patterns, ...names].some((text) => /\P{ASCII}/u.test(text));
  const isSafe = isPlain || encoding === 'UTF8' || encoding === 'SQL_ASCII';
  return [
    '-B',
    ...(isSafe ? [] : ['--encoding=UTF8']),
    ...patterns.map((pattern) => `--exclude-table-data=${pattern}`),
  ];
}

/** Values of the sequences of chosen tables now, by qualified name. They belong to no transaction. */
export async function readChosenSequences(
  { session, within }: FrozenDatabase,
  { sequences }: Pick<ChosenTables, 'sequences'>,
): Promise<Record<string, SequenceValue>> {
  if (sequences.length === 0) return {};
  const states = await within(session, () => readSequenceValues(session, sequences));
  const entries = states.flatMap(({ index, ...value }): [string, SequenceValue][] => {
    const sequence = sequences[index];
    return sequence ? [[formatQualifiedName(sequence), value]] : [];
  });
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
