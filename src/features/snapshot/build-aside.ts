import { compareFingerprints, type FingerprintDifference } from '../../domain/fingerprint.js';
import { type DatabaseProperties, differingProperties } from '../../domain/properties.js';
import { reportStep } from '../../domain/reporter.js';
import { BelayError } from '../../errors.js';
import { applyProperties, readProperties } from '../../postgres/properties.js';
import { databaseFlagsSql } from '../../postgres/sql/databases.js';
import type { Clone } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import { type MadeCopy, withNewCopy } from './make-copy.js';
import { countClone } from './read-clone.js';

export interface Aside extends MadeCopy {
  readonly oid: number;
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
    const { oid } = await work.main.queryOne<{ oid: number }>(
      'SELECT oid::int8::float8 AS oid FROM pg_database WHERE datname = $1',
      [copy.database],
    );
    const aside = { ...copy, oid };
    await reportStep(work.reporter, { name: 'carry over settings and grants' }, () =>
      carryOver(work, clone, aside),
    );
    await verify(work, clone, aside);
    return await use(aside);
  });
}

async function carryOver(work: Work, clone: Clone, aside: Aside): Promise<void> {
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

async function verify(work: Work, clone: Clone, aside: Aside): Promise<void> {
  const { fingerprint: actual } = await countClone(work, aside.database, 'verify');
  const expected = clone.record.snapshot.fingerprint;
  if (!expected) return;
  const differences = compareFingerprints(expected, actual);
  if (differences.length > 0) throw mismatch(clone.record.snapshot.tag, differences);
}

/** The error of a copy that is not what its record says. */
export function mismatch(tag: string, differences: readonly FingerprintDifference[]): BelayError {
  const shown = differences
    .slice(0, 3)
    .map(
      ({ what, name, expected, actual }) => `${what} of ${name}: ${actual} instead of ${expected}`,
    );
  const more = differences.length > 3 ? ` and ${differences.length - 3} more` : '';
  return new BelayError(
    'FINGERPRINT_MISMATCH',
    `the copy of "${tag}" is not what was recorded: ${shown.join('; ')}${more}`,
    {
      hint: 'Nothing was replaced: your database is as it was. Somebody has changed the snapshot’s database.',
      details: { differences },
    },
  );
}

/** Statements that make an aside database an ordinary one, in the transaction that renames it. */
export function openToUsersSql(name: string, clone: Clone): string {
  const { connectionLimit, isTemplate } = clone.record.properties;
  return databaseFlagsSql(name, { allowConnections: true, connectionLimit, isTemplate });
}
