import { validateDatabaseName } from '../../domain/clone-name.js';
import {
  formatQualifiedName,
  parseQualifiedName,
  type QualifiedName,
} from '../../domain/qualified-name.js';
import { BelayError } from '../../errors.js';
import { guardProduction } from '../target/guard.js';
import type { Target } from '../target/open-target.js';
import { underLock, type Work } from '../target/work.js';
import { replaceTables } from './replace-tables.js';
import { restoreBeside } from './restore-beside.js';
import { restoreIntoDatabase } from './restore-into-database.js';
import type { RestoreTablesOptions, RestoreTablesResult } from './table-order.js';
import type { TableSource } from './table-source.js';

/** Where the tables come from is found under the target's lock. */
export type FindTableSource = (work: Work) => Promise<TableSource>;

/**
 * Brings single tables back out of a snapshot, with their indexes, constraints, triggers, grants and foreign keys: in
 * place of the damaged ones, which are kept, or beside them, or into another database. Every other table stays as
 * it is. What would no longer hold together is named before anything happens.
 *
 * @example
 * const { tables } = await restoreTables(
 *   target,
 *   async (work) => cloneSource(work, findClone(work.timeline, 'baseline')),
 *   { tables: ['public.orders'], confirm: ({ brokenReferences }) => brokenReferences.length === 0 },
 * );
 * @throws BelayError TABLE_NOT_FOUND, WOULD_LOSE, DEPENDENTS_IN_THE_WAY, LOCK_TIMEOUT, FINGERPRINT_MISMATCH, …; the
 *   database is unchanged then
 */
export async function restoreTables(
  target: Target,
  findSource: FindTableSource,
  options: RestoreTablesOptions,
): Promise<RestoreTablesResult> {
  const asked = checkTableOptions(options);
  const isInPlace = options.intoSchema === undefined && options.to === undefined;
  if (isInPlace) guardProduction(target, 'restore tables into', options);
  return underLock(target, options, async (work) => {
    const startedAt = performance.now();
    const source = await findSource(work);
    const tables = source.partsOf ? unique(asked.flatMap(source.partsOf)) : asked;
    const order = { source, tables, options, startedAt };
    if (options.to !== undefined) return restoreIntoDatabase(work, { ...order, to: options.to });
    if (options.intoSchema !== undefined) {
      return restoreBeside(work, { ...order, schema: options.intoSchema });
    }
    return replaceTables(work, order);
  });
}

/**
 * What is wrong with the options whatever the server says.
 * @throws BelayError USAGE, BAD_NAME
 */
export function checkTableOptions(
  options: Pick<RestoreTablesOptions, 'tables' | 'intoSchema' | 'to' | 'keepAs'>,
): QualifiedName[] {
  const { tables, intoSchema, to, keepAs } = options;
  const chosen = [intoSchema, to, keepAs].filter((option) => option !== undefined);
  if (chosen.length > 1) {
    throw new BelayError('USAGE', 'only one of --into-schema, --to and --keep-as is possible', {
      hint: 'Beside what is there nothing is replaced, so nothing is kept.',
    });
  }
  for (const name of chosen) validateDatabaseName(name);
  for (const name of [intoSchema, keepAs]) {
    if (name?.startsWith('pg_')) {
      throw new BelayError('BAD_NAME', `the schema name "${name}" is reserved for PostgreSQL`, {
        hint: 'Choose another name.',
      });
    }
  }
  const parsed = new Map(tables.map((name) => [name, parseQualifiedName(name)]));
  for (const [name, table] of parsed) {
    if (table) continue;
    throw new BelayError('USAGE', `${JSON.stringify(name)} is not "schema.table"`, {
      hint: 'Name it as `belay show` prints it, e.g. --table public.orders.',
    });
  }
  const found = unique([...parsed.values()].filter((table) => table !== undefined));
  if (found.length > 0) return found;
  throw new BelayError('USAGE', 'no table was named', {
    hint: 'Name one with --table schema.table.',
  });
}

function unique(tables: readonly QualifiedName[]): QualifiedName[] {
  return [...new Map(tables.map((table) => [formatQualifiedName(table), table])).values()];
}
