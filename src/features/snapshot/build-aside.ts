import { type DatabaseProperties, differingProperties } from '../../domain/properties.js';
import { reportStep } from '../../domain/reporter.js';
import type { WriteEvidence } from '../../domain/write-evidence.js';
import { BelayError } from '../../errors.js';
import { applyProperties, readProperties } from '../../postgres/properties.js';
import { databaseFlagsSql } from '../../postgres/sql/databases.js';
import { readWriteEvidence } from '../../postgres/write-evidence.js';
import type { Clone } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import { type MadeCopy, withNewCopy } from './make-copy.js';
import { type VerifiedBy, verifyCopy } from './verify.js';

/** A working copy that is complete and verified, but not in place yet. */
export interface Aside extends MadeCopy {
  readonly verifiedBy: VerifiedBy;
  readonly evidence: WriteEvidence | null;
}

/**
 * Builds a working copy of a snapshot beside everything that is in use: copied, given its properties,
 * counted and compared. `use` then puts it in place. Nothing that a user has is touched here.
 * @throws BelayError FINGERPRINT_MISMATCH, CANNOT_CARRY_OVER, and what copying throws; the copy is removed then
 */
export async function withAside<T>(
  work: Work,
  clone: Clone,
  use: (aside: Aside) => Promise<T>,
): Promise<T> {
  const { properties, snapshot } = clone.record;
  const order = {
    source: clone.database,
    sizeBytes: snapshot.sizeBytes,
    owner: properties.owner,
    // A snapshot's clone has no sessions; if somebody forced one in, it can't be work on it.
    policy: 'terminate' as const,
    step: 'copy',
  };
  return withNewCopy(work, order, async (copy) => {
    await reportStep(work.reporter, { name: 'carry over settings and grants' }, () =>
      carryOver(work, clone, copy),
    );
    const verifiedBy = await verifyCopy(work, clone, copy);
    return await use({
      ...copy,
      verifiedBy,
      evidence: await readWriteEvidence(work.main, copy.oid),
    });
  });
}

async function carryOver(work: Work, clone: Clone, aside: MadeCopy): Promise<void> {
  const wanted = await withoutDroppedRoles(work, clone.record.properties);
  try {
    await applyProperties(work.main, aside.database, wanted);
  } catch (error) {
    if (!(error instanceof BelayError) || error.code === 'SERVER_GONE') throw error;
    throw new BelayError('CANNOT_CARRY_OVER', error.message, {
      hint: 'CREATE DATABASE does not copy these, so Belay sets them, and stops where it may not. Connect as a role that may, e.g. a superuser.',
      cause: error,
    });
  }
  const actual = await readProperties(work.main, aside.oid);
  // These three are set in the transaction that renames.
  const { comment, connectionLimit, isTemplate } = wanted;
  const differing = differingProperties(wanted, {
    ...actual,
    comment,
    connectionLimit,
    isTemplate,
  });
  if (differing.length === 0) return;
  throw new BelayError(
    'CANNOT_CARRY_OVER',
    `the copy's ${differing.join(' and ')} differ from the snapshot's`,
    {
      hint: 'Nothing was replaced. Connect as a role that may set them, e.g. a superuser.',
      details: { differing },
    },
  );
}

/** A role that was dropped since the snapshot can't be granted anything: said, and left out. */
async function withoutDroppedRoles(
  work: Work,
  wanted: DatabaseProperties,
): Promise<DatabaseProperties> {
  const rows = await work.main.query<{ name: string }>(
    'SELECT rolname::text AS name FROM pg_roles',
  );
  const roles = new Set(rows.map(({ name }) => name));
  const missing = new Set<string>();
  const exists = (role: string | null) => {
    if (role === null || role === '' || roles.has(role)) return true;
    missing.add(role);
    return false;
  };
  const settings = wanted.settings.filter(({ role }) => exists(role));
  const grants = wanted.grants?.filter(
    ({ grantee, grantor }) => exists(grantee) && exists(grantor),
  );
  for (const role of missing) {
    work.reporter({
      type: 'warning',
      message: `role "${role}" no longer exists: its grants and settings in the database are left out`,
    });
  }
  return { ...wanted, settings, grants: grants ?? null };
}

/** Statements that make an aside database an ordinary one, in the transaction that renames it. */
export function openToUsersSql(name: string, clone: Clone): string {
  const { connectionLimit, isTemplate } = clone.record.properties;
  return databaseFlagsSql(name, { allowConnections: true, connectionLimit, isTemplate });
}
