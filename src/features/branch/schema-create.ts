import type { BranchRecord } from '../../domain/branch.js';
import { branchSchemaName } from '../../domain/branch-name.js';
import { encodeBranchRecord } from '../../domain/branch-record.js';
import { BelayError } from '../../errors.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../../postgres/session.js';
import { checkTargetLock } from '../../postgres/target-lock.js';
import { closingSessions, readingClone } from '../snapshot/read-clone.js';
import type { Work } from '../target/work.js';
import { withBase } from './base.js';
import { type BranchOrder, type FoundBranch, newBranchRecord } from './driver.js';
import { copySchema } from './schema-copy.js';
import { inTarget, readPathFacts, readSchemaRecords, toFoundBranch } from './schema-find.js';

/** A schema of its own in the target, copied from a snapshot. */
export async function createSchemaBranch(work: Work, order: BranchOrder): Promise<FoundBranch> {
  const { target } = work;
  refuseSystemSchema(order.sourceSchema);
  refuseOtherServer(order);
  const schema = branchSchemaName(order.sourceSchema, order.name);
  // Before a snapshot is taken, which disconnects people.
  await inTarget(target, (session) => checkFree(session, schema));
  return withBase(work, order, async ({ clone, base }) => {
    const record = newBranchRecord(work, order, { database: target.database, schema, base });
    return withBothSides(work, clone.database.name, async (source, into) => {
      const from = await schemaToCopy(source, record);
      await copySchema(work, {
        ...{ source, from, into, to: schema },
        begin: () => checkFree(into, schema),
        takeOver: async () => {},
        finish: () => seal(work, into, record),
      });
      const factsOf = await readPathFacts(into);
      return toFoundBranch(target, record, factsOf(record.sourceSchema));
    });
  });
}

/** A session in the snapshot and one in the target, cancelled by an abort and closed at the end. */
export function withBothSides<T>(
  work: Work,
  snapshot: string,
  use: (source: Session, into: Session) => Promise<T>,
): Promise<T> {
  const { target, helper, signal } = work;
  return readingClone(work, snapshot, async (openSource) =>
    closingSessions(
      () => target.openDatabase(target.database),
      async (openInto) => {
        const [source, into] = [await openSource(), await openInto()];
        const pids = [source.pid, into.pid];
        const cancel = () => {
          helper
            .query('SELECT pg_cancel_backend(pid) FROM unnest($1::int[]) pid', [pids])
            .catch(() => {});
        };
        signal?.addEventListener('abort', cancel);
        try {
          return await use(source, into);
        } finally {
          signal?.removeEventListener('abort', cancel);
        }
      },
    ),
  );
}

/**
 * The schema that a branch is to be filled from: in a snapshot that was taken while it was there its own, in one that was taken
 * for a branch of a branch the other's, else the one that it is a copy of.
 */
export async function schemaToCopy(source: Session, record: BranchRecord): Promise<string> {
  const records = await readSchemaRecords(source);
  const own = records.find(({ id }) => id === record.id);
  const parent =
    record.base.kind === 'branch' && records.find(({ name }) => name === record.base.name);
  const { schema } = own ?? (parent || { schema: null });
  return schema ?? record.sourceSchema ?? 'public';
}

/** The record makes it a branch, in the transaction that makes it. */
export async function seal(work: Work, into: Session, record: BranchRecord): Promise<void> {
  await checkTargetLock(work.main, work.target.database);
  await writeSchemaRecord(into, record);
}

export function writeSchemaRecord(session: Session, record: BranchRecord): Promise<void> {
  const { schema, name } = record;
  if (schema === null) throw new BelayError('BUG', `branch ${name} has no schema`);
  return session.execute(
    `COMMENT ON SCHEMA ${quoteIdentifier(schema)} IS ${quoteLiteral(encodeBranchRecord(record))}`,
    `recording branch "${name}"`,
  );
}

/** @throws BelayError BRANCH_EXISTS, PERMISSION_DENIED */
async function checkFree(session: Session, schema: string): Promise<void> {
  const { taken, may, role, database } = await session.queryOne<{
    taken: boolean;
    may: boolean;
    role: string;
    database: string;
  }>(
    `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1) AS taken, current_user::text AS role,
            current_database()::text AS database, has_database_privilege(current_database(), 'CREATE') AS may`,
    [schema],
    'looking for the schema',
  );
  if (taken) {
    throw new BelayError('BRANCH_EXISTS', `there is a schema "${schema}" already`, {
      hint: 'It is no branch of this target. Choose another name for the branch, or rename the schema.',
    });
  }
  if (may) return;
  throw new BelayError(
    'PERMISSION_DENIED',
    `role "${role}" may not make schemas in database "${database}"`,
    {
      hint: `Let its owner run: GRANT CREATE ON DATABASE ${quoteIdentifier(database)} TO ${quoteIdentifier(role)}`,
    },
  );
}

function refuseSystemSchema(schema: string): void {
  if (!schema.startsWith('pg_') && schema !== 'information_schema' && schema !== '') return;
  throw new BelayError('BAD_NAME', `schema "${schema}" is PostgreSQL’s own`, {
    hint: 'Name one of yours as "branches.schema" in the config, or with --schema.',
  });
}

function refuseOtherServer({ source }: BranchOrder): void {
  if (source.kind !== 'branch' || source.branch.record.isolation !== 'cluster') return;
  throw new BelayError(
    'USAGE',
    `branch "${source.branch.record.name}" has a server of its own: no schema branch starts from it`,
    { hint: 'Use --isolation cluster.' },
  );
}
