import { createHash } from 'node:crypto';
import { BelayError } from '../../errors.js';
import type { Session } from '../../postgres/session.js';
import type { CatalogMigration } from './catalog.js';

/** Any number that nobody else takes: several servers may begin at once. */
const lockKey = 7_262_534_410_188_831;
const oldestServer = 140_000;

interface Applied {
  readonly number: number;
  readonly checksum: string;
}

/**
 * Brings the catalog's schema to what this version of Belay knows, one migration in one transaction. Of several servers that
 * begin at once, each migration is run by one of them, while the others wait for it.
 *
 * @throws BelayError CATALOG_NEWER where another version of Belay has made it; SERVER_TOO_OLD, PERMISSION_DENIED
 */
export async function migrateCatalog(
  session: Session,
  migrations: readonly CatalogMigration[],
  place: string,
): Promise<void> {
  if (session.serverVersion < oldestServer) {
    throw new BelayError('SERVER_TOO_OLD', `the catalog ${place} is on a PostgreSQL before 14`, {
      hint: 'Use PostgreSQL 14 or later for the catalog.',
    });
  }
  await session.execute(`SET lock_timeout = '120s'`, 'preparing the catalog');
  try {
    while (await applyNext(session, migrations, place));
  } finally {
    await session.resetSettings().catch(() => {});
  }
}

/** @returns whether there may be another one to run */
function applyNext(
  session: Session,
  migrations: readonly CatalogMigration[],
  place: string,
): Promise<boolean> {
  return session.transaction(async () => {
    const doing = `preparing the catalog ${place}`;
    await session.query('SELECT pg_advisory_xact_lock($1)', [lockKey], doing);
    await makeRecord(session, doing);
    const applied = await session.query<Applied>(
      'SELECT number, checksum FROM belay_server.migrations',
      [],
      doing,
    );
    checkApplied(applied, migrations, place);
    const next = migrations.find(
      ({ number, sql }) => sql !== '' && !applied.some((one) => one.number === number),
    );
    if (!next) return false;
    await session.execute(
      next.sql,
      `bringing the catalog to version ${next.number} (${next.name})`,
    );
    await session.query(
      'INSERT INTO belay_server.migrations (number, name, checksum) VALUES ($1, $2, $3)',
      [next.number, next.name, checksumOf(next)],
      doing,
    );
    return true;
  });
}

/** Looks first: `IF NOT EXISTS` asks for the right to make a schema even where it is there. */
async function makeRecord(session: Session, doing: string): Promise<void> {
  const { schema, record } = await session.queryOne<{ schema: boolean; record: boolean }>(
    `SELECT to_regnamespace('belay_server') IS NOT NULL AS schema,
            to_regclass('belay_server.migrations') IS NOT NULL AS record`,
    [],
    doing,
  );
  if (!schema) {
    await session.execute(
      `CREATE SCHEMA belay_server;
       COMMENT ON SCHEMA belay_server IS 'Belay: jobs, tokens, people, schedules and webhooks of its server'`,
      doing,
    );
  }
  if (record) return;
  await session.execute(
    `CREATE TABLE belay_server.migrations (
       number int PRIMARY KEY,
       name text NOT NULL,
       checksum text NOT NULL,
       applied_at timestamptz NOT NULL DEFAULT clock_timestamp())`,
    doing,
  );
}

function checkApplied(
  applied: readonly Applied[],
  migrations: readonly CatalogMigration[],
  place: string,
): void {
  for (const { number, checksum } of applied) {
    const known = migrations.find((migration) => migration.number === number);
    if (known && checksumOf(known) === checksum) continue;
    const newest = Math.max(...applied.map((one) => one.number));
    const what = known
      ? `its step ${number} is not the one of this version`
      : `it is at version ${newest}, this one knows ${migrations.length}`;
    throw new BelayError(
      'CATALOG_NEWER',
      `the catalog ${place} was made by another Belay: ${what}`,
      {
        hint: 'Run the version of Belay that the other servers on this catalog run, or a newer one.',
        details: { version: newest },
      },
    );
  }
}

function checksumOf({ sql }: CatalogMigration): string {
  return createHash('sha256').update(sql).digest('hex');
}
