import { availableParallelism } from 'node:os';
import type { Readable } from 'node:stream';
import type { RequiredExtension, Requirements } from '../../domain/manifest.js';
import type { UncheckedReference } from '../../domain/partial-archive.js';
import type { Reporter } from '../../domain/reporter.js';
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
  /** Foreign keys to rows that the archive does not hold. */
  readonly unchecked?: readonly UncheckedReference[] | undefined;
  /** See `RestoreStreamOrder`. */
  readonly afterRows?: (() => Promise<void>) | undefined;
  /** Indexes and constraints that are built at the same time; default 2 to 4. */
  readonly jobs?: number | undefined;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Restores the bytes of an archive into an empty database.
 * @throws BelayError EXTENSION_MISSING, RESTORE_FAILED, NOT_AN_ARCHIVE
 */
export async function restoreInto(order: RestoreIntoOrder): Promise<void> {
  const { session, requires, pgRestore, settings, database, env, source, noOwner } = order;
  const { signal, reporter } = order;
  await requireExtensions(session, requires.extensions);
  const extensions = await findExactExtensions(session, requires.extensions);
  await restoreStream({
    ...{ pgRestore, settings, database, env, source, noOwner, signal, reporter },
    ...{ singleTransaction: order.isThrowaway, unchecked: order.unchecked ?? [] },
    afterRows: order.afterRows,
    jobs: order.jobs ?? Math.max(2, Math.min(4, availableParallelism())),
    afterSchemas: extensions.length === 0 ? null : () => createExtensions(session, extensions),
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

interface AvailableVersion {
  readonly name: string;
  readonly version: string;
  readonly isDefault: boolean;
  readonly needs: readonly string[];
}

/**
 * An archive does not say which version of an extension it needs, so a restore would make the newest. Where the source
 * has another one, all extensions are made beforehand, those that others need first: pg_restore then finds them made.
 * @returns none where the newest ones are right, or this server does not have the source's
 */
async function findExactExtensions(
  session: Session,
  extensions: readonly RequiredExtension[],
): Promise<readonly RequiredExtension[]> {
  const available = await session.query<AvailableVersion>(
    `SELECT v.name::text, v.version, v.version = a.default_version AS "isDefault",
            coalesce(v.requires::text[], '{}') AS needs
       FROM pg_available_extension_versions v JOIN pg_available_extensions a USING (name)`,
  );
  const installed = await session.query<{ name: string }>(
    'SELECT extname::text AS name FROM pg_extension',
  );
  const have = new Set(installed.map(({ name }) => name));
  const wanted = extensions.flatMap((extension) => {
    const isSame = ({ name, version }: AvailableVersion) =>
      name === extension.name && version === extension.version;
    const found = available.find(isSame);
    return found && !have.has(extension.name) ? [{ extension, ...found }] : [];
  });
  if (wanted.every(({ isDefault }) => isDefault)) return [];
  const ordered: RequiredExtension[] = [];
  for (let ready = wanted; ready.length > 0; ) {
    ready = wanted.filter(({ name, needs }) => !have.has(name) && needs.every((n) => have.has(n)));
    for (const { extension, name } of ready) {
      have.add(name);
      ordered.push(extension);
    }
  }
  return ordered;
}

async function createExtensions(
  session: Session,
  extensions: readonly RequiredExtension[],
): Promise<void> {
  for (const { name, version, schema } of extensions) {
    await session.execute(
      `CREATE EXTENSION ${quoteIdentifier(name)} SCHEMA ${quoteIdentifier(schema)} VERSION ${quoteLiteral(version)}`,
      `making the extension ${name} ${version}`,
    );
  }
}
