import { availableParallelism } from 'node:os';
import type { Readable } from 'node:stream';
import type { RequiredExtension, Requirements } from '../../domain/manifest.js';
import { BelayError } from '../../errors.js';
import { quoteIdentifier, quoteLiteral, type Session } from '../../postgres/session.js';
import type { ConnectionSettings } from '../../postgres/settings.js';
import { restoreStream } from './restore-stream.js';

export interface RestoreIntoOrder {
  readonly pgRestore: string;
  readonly settings: ConnectionSettings;
  /** Empty database to restore into, and a session in it. */
  readonly database: string;
  readonly session: Session;
  readonly env: NodeJS.ProcessEnv;
  readonly source: Readable;
  readonly requires: Requirements;
  readonly noOwner: boolean;
  /** The server is thrown away: one transaction, and nothing to be careful about. */
  readonly isThrowaway: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Restores the bytes of an archive into an empty database.
 * @throws BelayError EXTENSION_MISSING, RESTORE_FAILED, NOT_AN_ARCHIVE
 */
export async function restoreInto(order: RestoreIntoOrder): Promise<void> {
  const { session, requires, pgRestore, settings, database, env, source, noOwner, signal } = order;
  await requireExtensions(session, requires.extensions);
  await createExactExtensions(session, requires.extensions);
  await restoreStream({
    ...{ pgRestore, settings, database, env, source, noOwner, signal },
    singleTransaction: order.isThrowaway,
    jobs: Math.max(2, Math.min(4, availableParallelism())),
  });
}

/** Said by name before anything is restored: pg_restore would stop at whatever first needs it. */
async function requireExtensions(
  session: Session,
  extensions: readonly RequiredExtension[],
): Promise<void> {
  const available = await session.query<{ name: string }>(
    'SELECT name::text FROM pg_available_extensions',
  );
  const names = new Set(available.map(({ name }) => name));
  const missing = extensions.filter(({ name }) => !names.has(name));
  if (missing.length === 0) return;
  const listed = missing.map(({ name, version }) => `${name} ${version}`).join(', ');
  throw new BelayError(
    'EXTENSION_MISSING',
    `the server has not got the extension${missing.length > 1 ? 's' : ''} ${listed}`,
    {
      hint: 'Install it on that machine (on Debian: postgresql-MAJOR-NAME), or name a server that has it with --drill-server.',
      details: { missing },
    },
  );
}

/** Schemas that are in every database. */
const everywhere = new Set(['public', 'pg_catalog']);

/**
 * An archive does not say which version of an extension it needs, so a restore would make the newest. Where that is
 * another than the source's, it is made here: pg_restore then finds it made.
 */
async function createExactExtensions(
  session: Session,
  extensions: readonly RequiredExtension[],
): Promise<void> {
  const defaults = await session.query<{ name: string; version: string }>(
    'SELECT name::text, default_version AS version FROM pg_available_extensions',
  );
  const versions = new Map(defaults.map(({ name, version }) => [name, version]));
  const installed = await session.query<{ name: string }>(
    'SELECT extname::text AS name FROM pg_extension',
  );
  const have = new Set(installed.map(({ name }) => name));
  for (const { name, version, schema } of extensions) {
    if (have.has(name) || versions.get(name) === version || !everywhere.has(schema)) continue;
    await session.execute(
      `CREATE EXTENSION ${quoteIdentifier(name)} SCHEMA ${quoteIdentifier(schema)} VERSION ${quoteLiteral(version)} CASCADE`,
      `making the extension ${name} ${version}`,
    );
  }
}
