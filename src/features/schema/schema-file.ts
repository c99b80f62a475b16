import { readFile } from 'node:fs/promises';
import type { MigrationScript } from '../../domain/migration.js';
import { BelayError } from '../../errors.js';
import { findServerWide } from '../../postgres/check-script.js';
import { shorten } from '../../postgres/parse-sql.js';
import { runScript } from '../../postgres/run-script.js';
import { quoteIdentifier, type Session } from '../../postgres/session.js';

/** What newer versions of pg_dump put around a plain dump for psql; everything else of psql's is refused. */
const restrictLine = /^\\(?:un)?restrict\b.*$/gm;

interface BuildOptions {
  /** The file as the user named it. */
  readonly label: string;
  /** Role that is to own what is made; it is made a superuser, so only for servers that are thrown away. */
  readonly owner?: string | undefined;
  /** Nobody else uses the server; on another one the file may change its own database only. */
  readonly isPrivate: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds the schema of a `.sql` file in an empty database.
 * @throws BelayError BAD_SCHEMA_FILE with file, line and statement; FILE_ERROR
 */
export async function buildFromFile(
  session: Session,
  file: string,
  { label, owner, isPrivate, signal }: BuildOptions,
): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new BelayError('FILE_ERROR', `cannot read ${file} (${error.code ?? 'unknown reason'})`, {
      cause: error,
    });
  });
  const sql = text.replace(restrictLine, (line) => ' '.repeat(line.length));
  const script = { file: label, line: 1, sql, inTransaction: false };
  try {
    if (!isPrivate) await requireOwnDatabase(script);
    if (owner !== undefined) await becomeSuperuser(session, owner);
    await runScript(session, script, { signal });
  } catch (error) {
    if (!(error instanceof BelayError)) throw error;
    if (error.code !== 'MIGRATION_FAILED' && error.code !== 'BAD_MIGRATION') throw error;
    throw new BelayError(
      'BAD_SCHEMA_FILE',
      `no schema can be built from ${label}: ${error.message}`,
      {
        hint: 'The file has to make the whole schema in an empty database, statement by statement, as pg_dump --schema-only prints it.',
        details: error.details,
        cause: error,
      },
    );
  }
}

async function becomeSuperuser(session: Session, role: string): Promise<void> {
  const doing = 'making the role that a file of SQL is run as';
  const known = await session.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [role], doing);
  const name = quoteIdentifier(role);
  await session.execute(`${known.length === 0 ? 'CREATE' : 'ALTER'} ROLE ${name} SUPERUSER`, doing);
  await session.execute(`SET SESSION AUTHORIZATION ${name}`, doing);
}

/** @throws BelayError BAD_MIGRATION, which the caller makes one about the file */
async function requireOwnDatabase(script: MigrationScript): Promise<void> {
  const found = await findServerWide(script);
  if (!found) return;
  const why =
    'may change more than its database, and there is no private PostgreSQL to build it on';
  throw new BelayError('BAD_MIGRATION', `line ${found.line} ${why}: ${shorten(found.sql)}`, {
    details: { file: script.file, line: found.line },
  });
}
