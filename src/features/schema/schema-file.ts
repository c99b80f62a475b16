import { readFile } from 'node:fs/promises';
import { BelayError } from '../../errors.js';
import { runScript } from '../../postgres/run-script.js';
import { quoteIdentifier, type Session } from '../../postgres/session.js';

/** What newer versions of pg_dump put around a plain dump for psql; everything else of psql's is refused. */
const restrictLine = /^\\(?:un)?restrict\b.*$/gm;

interface BuildOptions {
  /** The file as the user named it. */
  readonly label: string;
  /** Role that is to own what is made; it is made a superuser, so only for servers that are thrown away. */
  readonly owner?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Builds the schema of a `.sql` file in an empty database.
 * @throws BelayError BAD_SCHEMA_FILE with file, line and statement; FILE_ERROR
 */
export async function buildFromFile(
  session: Session,
  file: string,
  { label, owner, signal }: BuildOptions,
): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new BelayError('FILE_ERROR', `cannot read ${file} (${error.code ?? 'unknown reason'})`, {
      cause: error,
    });
  });
  const sql = text.replace(restrictLine, (line) => ' '.repeat(line.length));
  if (owner !== undefined) await becomeSuperuser(session, owner);
  try {
    await runScript(session, { file: label, line: 1, sql, inTransaction: false }, { signal });
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
