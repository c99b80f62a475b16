import {
  type DatabaseProperties,
  differingProperties,
  rolesOf,
  withOwner,
} from '../../domain/properties.js';
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

/** A working copy whose rows nobody has counted. */
export interface UncountedAside extends MadeCopy {
  readonly evidence: WriteEvidence | null;
}

/**
 * Builds a working copy of a snapshot beside everything that is in use: copied, given its properties,
 * counted and compared. `use` then puts it in place. Nothing that a user has is touched here.
 * @throws BelayError FINGERPRINT_MISMATCH, CANNOT_CARRY_OVER, and what copying throws; the copy is removed then
 */
export function withAside<T>(
  work: Work,
  clone: Clone,
  use: (aside: Aside) => Promise<T>,
): Promise<T> {
  return withUncountedAside(work, clone, async (copy) => {
    const verifiedBy = await verifyCopy(work, clone, copy);
    return use({ ...copy, verifiedBy, evidence: await readWriteEvidence(work.main, copy.oid) });
  });
}

/** The same without counting: for a snapshot that was not counted either, so that there is nothing to compare with. */
export async function withUncountedAside<T>(
  work: Work,
  clone: Clone,
  use: (aside: UncountedAside) => Promise<T>,
): Promise<T> {
  const properties = await withoutDroppedRoles(work, clone);
  const order = {
    source: clone.database,
    sizeBytes: clone.record.snapshot.sizeBytes,
    owner: properties.owner,
    // A snapshot's clone has no sessions; if somebody forced one in, it can't be work on it.
    policy: 'terminate' as const,
    what: clone.record.snapshot.tag,
  };
  return withNewCopy(work, order, async (copy) => {
    await reportStep(work.reporter, { name: 'carry over settings and grants' }, () =>
      carryOver(work, properties, copy),
    );
    return await use({ ...copy, evidence: await readWriteEvidence(work.main, copy.oid) });
  });
}

/**
 * Gives a copy the grants and settings of what it is a copy of, and reads them back.
 * @throws BelayError CANNOT_CARRY_OVER
 */
export async function carryOver(
  work: Work,
  wanted: DatabaseProperties,
  aside: Pick<MadeCopy, 'database' | 'oid'>,
): Promise<void> {
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

/**
 * A role that was dropped since the snapshot can't be granted anything: said, and left out. If the owner was
 * dropped, whoever inherited the snapshot's database from it takes its place.
 */
async function withoutDroppedRoles(work: Work, clone: Clone): Promise<DatabaseProperties> {
  const rows = await work.main.query<{ name: string }>(
    'SELECT rolname::text AS name FROM pg_roles',
  );
  const roles = new Set(rows.map(({ name }) => name));
  const { properties } = clone.record;
  const heir = clone.database.owner;
  const dropped = new Set(rolesOf(properties).filter((role) => !roles.has(role)));
  for (const role of dropped) {
    const lost = 'its grants and settings in the database are left out';
    const outcome = role === properties.owner ? `the database goes to "${heir}"` : lost;
    work.reporter({ type: 'warning', message: `role "${role}" no longer exists: ${outcome}` });
  }
  const wanted = dropped.has(properties.owner) ? withOwner(properties, heir) : properties;
  const exists = (role: string | null) => role === null || !dropped.has(role);
  return {
    ...wanted,
    settings: wanted.settings.filter(({ role }) => exists(role)),
    grants:
      wanted.grants?.filter(({ grantee, grantor }) => exists(grantee) && exists(grantor)) ?? null,
  };
}

/** Statements that make an aside database an ordinary one, in the transaction that renames it. */
export function openToUsersSql(name: string, clone: Pick<Clone, 'record'>): string {
  const { connectionLimit, isTemplate } = clone.record.properties;
  return databaseFlagsSql(name, { allowConnections: true, connectionLimit, isTemplate });
}
