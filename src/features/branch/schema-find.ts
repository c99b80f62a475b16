import type { BranchRecord } from '../../domain/branch.js';
import { parseBranchRecord } from '../../domain/branch-record.js';
import { branchPath, type PathFacts, withSearchPath } from '../../domain/schema-branch-settings.js';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import type { Target } from '../target/open-target.js';
import type { FoundBranch } from './driver.js';

const doing = 'looking for schema branches';

const commentsSql = `
  SELECT n.nspname::text AS schema, d.description AS comment
    FROM pg_description d JOIN pg_namespace n ON n.oid = d.objoid
   WHERE d.classoid = 'pg_namespace'::regclass AND d.objsubid = 0 AND d.description LIKE '{"belay":%'
   ORDER BY n.oid`;

/** Records of schema branches in the session's database, by the schemas that have them. */
export async function readSchemaRecords(session: Session): Promise<BranchRecord[]> {
  const rows = await session.query<{ schema: string; comment: string }>(commentsSql, [], doing);
  return rows.flatMap(({ schema, comment }) => {
    const parsed = parseBranchRecord(comment);
    // A schema that was renamed, or came with a dump, is no branch.
    const isHere = parsed.type === 'record' && parsed.record.schema === schema;
    return isHere && parsed.record.isolation === 'schema' ? [parsed.record] : [];
  });
}

interface FoundFacts {
  readonly path: string;
  readonly user: string;
  readonly withExtensions: readonly string[];
}

/** The session's own search_path is Belay's; what it began with is the user's. */
const factsSql = `
  SELECT reset_val AS path, current_user::text AS user,
         to_json(ARRAY(SELECT DISTINCT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace)) AS "withExtensions"
    FROM pg_settings WHERE name = 'search_path'`;

/** How the names in branches are found, for the session's user. */
export async function readPathFacts(
  session: Session,
): Promise<(sourceSchema: string | null) => PathFacts> {
  const { path, user, withExtensions } = await session.queryOne<FoundFacts>(factsSql, [], doing);
  return (sourceSchema) => ({
    ...{ path, user },
    hasExtensions: sourceSchema !== null && withExtensions.includes(sourceSchema),
  });
}

/** The branch that a record is about, with the way in. */
export function toFoundBranch(root: Target, record: BranchRecord, facts: PathFacts): FoundBranch {
  const path = branchPath(record, facts);
  const options = withSearchPath(root.settings.options, path);
  const settings = { ...root.settings, database: root.database, options };
  return { record, state: 'ready', problem: null, settings, folder: null };
}

/** Branches that are schemas of the target. Opens a session in the target for it, and closes it. */
export async function listSchemaBranches(root: Target): Promise<FoundBranch[]> {
  const session = await openIfThere(root);
  if (!session) return [];
  try {
    const records = (await readSchemaRecords(session)).filter(
      (record) => record.database === root.database && record.root.database === root.database,
    );
    if (records.length === 0) return [];
    const factsOf = await readPathFacts(session);
    return records.map((record) => toFoundBranch(root, record, factsOf(record.sourceSchema)));
  } finally {
    await session.close();
  }
}

/** Where the target was dropped, or is closed to connections, its branches are out of reach as well. */
async function openIfThere(root: Target): Promise<Session | undefined> {
  const [row] = await root.main.query<{ open: boolean }>(
    'SELECT datallowconn AND datconnlimit <> -2 AS open FROM pg_database WHERE datname = $1',
    [root.database],
    doing,
  );
  return row?.open ? root.openDatabase(root.database) : undefined;
}

/** Runs work in a session of the target's own. */
export async function inTarget<T>(
  root: Target,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await root.openDatabase(root.database);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** @throws BelayError BRANCH_NOT_FOUND where the schema is another one by now */
export async function checkStillBranch(session: Session, { id, name, schema }: BranchRecord) {
  const records = await readSchemaRecords(session);
  if (records.some((record) => record.id === id && record.schema === schema)) return;
  throw new BelayError('BRANCH_NOT_FOUND', `schema "${schema}" is no longer branch "${name}"`, {
    hint: '`belay branch list` shows the branches that there are.',
  });
}
