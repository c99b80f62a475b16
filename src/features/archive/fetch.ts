import { cloneName } from '../../domain/clone-name.js';
import { compareRestored, describeDifference } from '../../domain/drill.js';
import type { ArchiveManifest } from '../../domain/manifest.js';
import { type DatabaseProperties, withOwner } from '../../domain/properties.js';
import type { CloneRecord } from '../../domain/record.js';
import { reportStep } from '../../domain/reporter.js';
import { portableChecksum } from '../../domain/schema-model.js';
import { BelayError } from '../../errors.js';
import { emptyCloneSql } from '../../postgres/empty-database.js';
import { readFingerprint } from '../../postgres/fingerprint.js';
import { databaseSize } from '../../postgres/sql/databases.js';
import { readWriteEvidence } from '../../postgres/write-evidence.js';
import { readingClone } from '../snapshot/read-clone.js';
import { dropBelayDatabase, sealSql } from '../target/leftovers.js';
import type { Clone } from '../target/timeline.js';
import type { Work } from '../target/work.js';
import { majorOf } from './archive-options.js';
import type { Archive } from './archives.js';
import { findIdentities, type IdentityOptions, openPlain } from './open-plain.js';
import { refusePartial } from './partial.js';
import { restoreInto } from './restore-into.js';
import { chooseRestoreTools } from './restore-tools.js';

export interface FetchOptions extends IdentityOptions {
  /** Everything belongs to the connecting role and nothing is granted: for a server without the archive's roles. */
  readonly noOwner?: boolean | undefined;
}

/**
 * Makes a clone from an archive: the same snapshot, restored into a database of the target's own server, compared with
 * what the manifest says, and sealed. From then on it is as any other clone.
 * @throws BelayError ROLE_MISSING, EXTENSION_MISSING, RESTORE_FAILED, FINGERPRINT_MISMATCH, NEEDS_IDENTITY, SEAL_BROKEN
 */
export async function fetchClone(
  work: Work,
  archive: Archive,
  options: FetchOptions,
): Promise<Clone> {
  const { main } = work;
  return withFetched(work, archive, options, async ({ name, record }) => {
    await reportStep(work.reporter, { name: 'seal' }, () =>
      main.execute(sealSql(name, record), 'sealing the snapshot'),
    );
    return { database: await databaseRow(work, name, record.properties.owner), record };
  });
}

/** A database that was restored from an archive and compared with its manifest, but is nothing yet. */
export interface Fetched {
  /** Closed, and with the mark of a copy that is not complete. */
  readonly name: string;
  readonly oid: number;
  readonly record: CloneRecord;
}

/**
 * Restores an archive beside everything that is in use and gives it to `use`; removed again if anything fails.
 * @throws BelayError PARTIAL_ARCHIVE where it is not one of the whole database
 */
export async function withFetched<T>(
  work: Work,
  archive: Archive,
  options: FetchOptions,
  use: (fetched: Fetched) => Promise<T>,
): Promise<T> {
  const { main, target } = work;
  const { manifest } = archive;
  refuseBroken(archive);
  refusePartial(archive);
  const name = cloneName(target.database, manifest.snapshot.id);
  const properties = await propertiesHere(work, manifest, options);
  // Outside of what is cleaned up: a database of this name that is there already is not ours to remove.
  await main.execute(
    emptyCloneSql(name, properties.owner, manifest.locale, main.serverVersion),
    `making the database "${name}"`,
  );
  try {
    const startedAt = performance.now();
    await restoreArchive(work, archive, name, options);
    const copyMs = Math.round(performance.now() - startedAt);
    const { oid } = await main.queryOne<{ oid: number }>(
      'SELECT oid::int8::float8 AS oid FROM pg_database WHERE datname = $1',
      [name],
    );
    const record = await countRestored(work, archive, { name, oid, properties, copyMs }, options);
    return await use({ name, oid, record });
  } catch (error) {
    await dropBelayDatabase(main, name).catch(() => {});
    throw error;
  }
}

/** @throws BelayError SEAL_BROKEN */
export function refuseBroken({ problem, manifest, location }: Archive): void {
  if (problem === null) return;
  throw new BelayError(
    'SEAL_BROKEN',
    `the archive of "${manifest.snapshot.tag}" is not what was sealed: ${problem}`,
    { hint: `Look at ${location}. Where the bucket keeps versions, bring back the one before.` },
  );
}

async function databaseRow(work: Work, name: string, owner: string): Promise<Clone['database']> {
  const row = await work.main.queryOne<{ oid: number; tablespace: string; comment: string }>(
    `SELECT d.oid::int8::float8 AS oid, t.spcname::text AS tablespace,
            shobj_description(d.oid, 'pg_database') AS comment
       FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE datname = $1`,
    [name],
  );
  const flags = { allowsConnections: false, connectionLimit: -1, isTemplate: false, owned: true };
  return { ...row, ...flags, name, owner };
}

/**
 * Owner, grants and settings as far as this server has their roles.
 * @throws BelayError ROLE_MISSING where the archive needs roles that are not here, unless nothing is to belong to them
 */
async function propertiesHere(
  work: Work,
  { properties, requires, snapshot }: ArchiveManifest,
  { noOwner }: FetchOptions,
): Promise<DatabaseProperties> {
  const rows = await work.main.query<{ name: string; me: boolean }>(
    'SELECT rolname::text AS name, rolname = current_user AS me FROM pg_roles',
  );
  const roles = new Set(rows.map(({ name }) => name));
  const me = rows.find((row) => row.me)?.name ?? work.target.settings.user;
  const missing = requires.roles.map(({ name }) => name).filter((name) => !roles.has(name));
  if (!noOwner && missing.length > 0) {
    throw new BelayError(
      'ROLE_MISSING',
      `"${snapshot.tag}" needs roles that this server has not got: ${missing.join(', ')}`,
      {
        hint: 'Create them (CREATE ROLE … NOLOGIN), or restore with --no-owner: then everything belongs to you and nothing is granted.',
        details: { missing },
      },
    );
  }
  if (!noOwner) return properties;
  const own = properties.settings.filter(({ role }) => role === null);
  return { ...withOwner(properties, me), grants: null, settings: own };
}

async function restoreArchive(
  work: Work,
  archive: Archive,
  name: string,
  options: FetchOptions,
): Promise<void> {
  const { target, signal, main } = work;
  const { manifest } = archive;
  const tools = await chooseRestoreTools(manifest, majorOf(main.serverVersion), target.env);
  const store = await target.openStore();
  const identities = await findIdentities(options, target.env);
  const source = await openPlain(store, manifest.archive, { identities, signal });
  const sizeBytes = manifest.archive.sizeBytes;
  const step = { name: 'restore archive', detail: manifest.snapshot.tag, sizeBytes };
  await reportStep(work.reporter, step, () =>
    readingClone(work, name, async (open) => {
      const session = await open();
      await restoreInto({
        ...{ pgRestore: tools.pgRestore.path, settings: target.settings, database: name },
        ...{ session, env: target.env, source, requires: manifest.requires },
        ...{ noOwner: options.noOwner ?? false, isThrowaway: false, signal },
        reporter: work.reporter,
      });
      // An archive holds no statistics, and without them the first queries on what was restored are planned blindly.
      await session.execute('ANALYZE', 'analyzing what was restored');
    }),
  );
}

/** Compares what was restored with the manifest, and writes the record that it gets as a clone. */
async function countRestored(
  work: Work,
  { manifest }: Archive,
  made: { name: string; oid: number; properties: DatabaseProperties; copyMs: number },
  options: FetchOptions,
): Promise<CloneRecord> {
  const { main, target } = work;
  const { fingerprint, model } = await reportStep(work.reporter, { name: 'verify' }, () =>
    readingClone(work, made.name, (open) => readFingerprint(open, { signal: work.signal })),
  );
  const isSameMajor = majorOf(manifest.snapshot.serverVersion) === majorOf(main.serverVersion);
  const expected = manifest.snapshot.fingerprint;
  const isPortable = options.noOwner || !isSameMajor;
  const differences = compareRestored(
    {
      // Other roles, or another major version that prints definitions differently: see below.
      fingerprint:
        expected && isPortable
          ? { ...expected, schemaChecksum: fingerprint.schemaChecksum }
          : expected,
      ...{ model: null, movedSequences: manifest.movedSequences, contentHashes: null },
    },
    { fingerprint, model, contentHashes: null },
  );
  const actual = portableChecksum(model);
  if (isPortable && isSameMajor && expected && manifest.portableChecksum !== actual) {
    differences.push({
      what: 'schema',
      name: 'schema',
      expected: manifest.portableChecksum,
      actual,
    });
  }
  if (!isSameMajor) {
    work.reporter({
      type: 'warning',
      message: `the archive is of PostgreSQL ${majorOf(manifest.snapshot.serverVersion)}: rows and sequences were compared, the schema could not be`,
    });
  }
  if (differences.length > 0)
    throw mismatch(manifest.snapshot.tag, differences.map(describeDifference));
  const { oid, properties, copyMs } = made;
  return {
    kind: 'snapshot',
    snapshot: {
      ...manifest.snapshot,
      ...{ fingerprint, serverVersion: main.serverVersion, protectedUntil: null },
      // Of another server, perhaps, and now a snapshot of this target.
      target: { server: target.server, database: target.database },
      sizeBytes: (await databaseSize(main, oid)) ?? manifest.snapshot.sizeBytes,
    },
    ...{ method: 'archive', copyMs, properties, sourceOid: 0, replacedBy: null, restoredAs: [] },
    evidence: await readWriteEvidence(main, oid),
  };
}

function mismatch(tag: string, differences: readonly string[]): BelayError {
  const more = differences.length > 3 ? ` and ${differences.length - 3} more` : '';
  return new BelayError(
    'FINGERPRINT_MISMATCH',
    `the archive "${tag}" did not restore to what was recorded: ${differences.slice(0, 3).join('; ')}${more}`,
    {
      hint: 'Nothing was replaced. `belay drill` tells more; use another snapshot.',
      details: { differences },
    },
  );
}
