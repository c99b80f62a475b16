import type { BranchRecord, BranchSize } from '../../domain/branch.js';
import type { SessionPolicy } from '../../domain/database-session.js';
import { reportStep } from '../../domain/reporter.js';
import {
  dropSchema,
  refuseDependents,
  takeSchema,
} from '../../postgres/schema-copy/drop-schema.js';
import type { Target } from '../target/open-target.js';
import type { Work } from '../target/work.js';
import type { BranchDriver, FoundBranch } from './driver.js';
import { createSchemaBranch, writeSchemaRecord } from './schema-create.js';
import { checkStillBranch, inTarget, listSchemaBranches } from './schema-find.js';
import { resetSchemaBranch, schemaOf } from './schema-reset.js';

/** Branches that are schemas of the target's own database, for teams that must share one. */
export const schemaBranches: BranchDriver = {
  isolation: 'schema',
  list: listSchemaBranches,
  create: createSchemaBranch,
  reset: resetSchemaBranch,
  remove: removeSchemaBranch,
  writeRecord: (root, branch, record) => rewriteRecord(root, branch, record),
  size: measureSchema,
  // Each is made, replaced and removed in one transaction: the server takes back what a kill has left.
  findLeftovers: async () => [],
  removeLeftovers: async () => [],
};

function rewriteRecord(root: Target, branch: FoundBranch, record: BranchRecord): Promise<void> {
  return inTarget(root, (session) =>
    session.transaction(async () => {
      await checkStillBranch(session, branch.record);
      await writeSchemaRecord(session, record);
    }),
  );
}

async function removeSchemaBranch(
  work: Work,
  { record }: FoundBranch,
  policy: SessionPolicy,
): Promise<void> {
  const { target, helper, reporter, signal, sessionsWaitMs: patienceMs } = work;
  const schema = schemaOf(record);
  await reportStep(reporter, { name: 'remove', detail: record.name }, () =>
    inTarget(target, (session) =>
      session.transaction(async () => {
        await checkStillBranch(session, record);
        await refuseDependents(session, schema);
        await takeSchema({ session, helper, schema, policy, patienceMs, signal });
        await dropSchema(session, schema);
      }),
    ),
  );
}

/** Nothing of it is shared: what its tables take is what its removal frees. */
async function measureSchema(root: Target, { record }: FoundBranch): Promise<BranchSize> {
  const { bytes } = await inTarget(root, (session) =>
    session.queryOne<{ bytes: string }>(
      `SELECT coalesce(sum(pg_total_relation_size(c.oid)), 0) AS bytes
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'm', 'S')`,
      [schemaOf(record)],
      'measuring the branch',
    ),
  );
  return { logicalBytes: Number(bytes), ownBytes: Number(bytes), memoryBytes: null };
}
