import { randomBytes } from 'node:crypto';
import type { BranchRecord } from '../../domain/branch.js';
import { BelayError } from '../../errors.js';
import {
  dropSchema,
  refuseDependents,
  takeSchema,
} from '../../postgres/schema-copy/drop-schema.js';
import { quoteIdentifier, type Session } from '../../postgres/session.js';
import { obtainClone } from '../archive/obtain-clone.js';
import type { Clone } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import type { BranchResetState, FoundBranch, ResetOrder } from './driver.js';
import { findBaseClone } from './reset-database.js';
import { copySchema } from './schema-copy.js';
import { schemaToCopy, seal, withBothSides } from './schema-create.js';
import { checkStillBranch } from './schema-find.js';

/**
 * Puts a schema branch back, in one transaction: the schema that is there gets another name, which nobody else ever sees, the other
 * one is made and proven under the branch's name, and then the old one goes. Until the commit everybody works in the old one;
 * if anything fails, they go on doing so.
 */
export async function resetSchemaBranch(
  work: Work,
  { record: before }: FoundBranch,
  order: ResetOrder,
): Promise<BranchResetState> {
  const schema = schemaOf(before);
  const clone = await findState(work, before, order.reference);
  const record = { ...before, resetAt: new Date().toISOString() };
  const aside = `belay_before_reset_${randomBytes(6).toString('hex')}`;
  let takenAt = 0;
  await withBothSides(work, clone.database.name, async (source, into) => {
    await checkStillBranch(into, before);
    await refuseDependents(into, schema);
    await copySchema(work, {
      ...{ source, from: await schemaToCopy(source, record), into, to: schema },
      begin: () => rename(into, schema, aside),
      takeOver: async () => {
        await take(work, into, aside, order);
        takenAt = performance.now();
      },
      finish: async () => {
        await dropSchema(into, aside);
        await seal(work, into, record);
      },
    });
  });
  const to = order.reference === undefined ? record.base.name : clone.record.snapshot.tag;
  return { to, outageMs: Math.round(performance.now() - takenAt), previous: null, record };
}

export function schemaOf({ schema, name }: BranchRecord): string {
  if (schema !== null) return schema;
  throw new BelayError('BUG', `branch ${name} has no schema`);
}

function rename(session: Session, from: string, to: string): Promise<void> {
  return session.execute(
    `ALTER SCHEMA ${quoteIdentifier(from)} RENAME TO ${quoteIdentifier(to)}`,
    `renaming schema "${from}" away`,
  );
}

/** Takes the old tables from whoever uses them. */
function take(work: Work, session: Session, schema: string, order: ResetOrder): Promise<void> {
  const { helper, signal, sessionsWaitMs: patienceMs } = work;
  return takeSchema({ session, helper, schema, policy: order.sessions, patienceMs, signal });
}

function findState(
  work: Work,
  record: BranchRecord,
  reference: string | undefined,
): Promise<Clone> {
  return reference === undefined ? findBaseClone(work, record) : obtainClone(work, reference, {});
}
