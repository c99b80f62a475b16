import type { DatabaseProperties, DatabaseSetting } from '../../domain/properties.js';
import { reportStep } from '../../domain/reporter.js';
import { readProperties } from '../../postgres/properties.js';
import type { Session } from '../../postgres/session.js';
import { fillViews, readFilledViews } from '../../postgres/shadow/copy-rest.js';
import type { DatabaseRow } from '../../postgres/sql/databases.js';
import { quoteQualifiedName } from '../../postgres/sql/tables.js';
import { carryOver } from '../snapshot/build-aside.js';
import type { Work } from '../target/work.js';
import type { FoundShadow } from './find-shadow.js';

/**
 * Makes the shadow ready for the application, while it is still beside the target: materialized views with the rows of now,
 * statistics for the planner where there are none, and the grants and settings of the target as they are today.
 * @throws BelayError CANNOT_CARRY_OVER
 */
export async function settleShadow(
  work: Work,
  session: Session,
  live: DatabaseRow,
  found: FoundShadow,
): Promise<DatabaseProperties> {
  await reportStep(work.reporter, { name: 'refresh materialized views' }, async () =>
    fillViews(session, await readFilledViews(session)),
  );
  await reportStep(work.reporter, { name: 'analyze' }, () => analyzeUnknown(session));
  const own = await readProperties(work.main, found.oid);
  const wanted = await readProperties(work.main, live.oid);
  const properties = { ...wanted, settings: mergeSettings(wanted.settings, own.settings) };
  await reportStep(work.reporter, { name: 'carry over settings and grants' }, () =>
    carryOver(work, properties, { database: found.database, oid: found.oid }),
  );
  return properties;
}

/** What the migration itself has set for its database stays; where both set something, the target's holds. */
function mergeSettings(
  wanted: readonly DatabaseSetting[],
  own: readonly DatabaseSetting[],
): DatabaseSetting[] {
  const isWanted = ({ role, name }: DatabaseSetting) =>
    wanted.some((setting) => setting.role === role && setting.name === name);
  return [...wanted, ...own.filter((setting) => !isWanted(setting))];
}

/** Tables with a column of which the planner knows nothing: those of a copy, and those that the migration has made or rewritten. */
async function analyzeUnknown(session: Session): Promise<void> {
  const tables = await session.query<{ schema: string; name: string }>(
    `SELECT n.nspname::text AS schema, c.relname::text AS name
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't'
        AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND pg_relation_size(c.oid) > 0
        AND EXISTS (SELECT FROM pg_attribute a
                     WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                       AND NOT EXISTS (SELECT FROM pg_stats s
                                        WHERE s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname))
      ORDER BY c.oid`,
    [],
    'looking for tables without statistics',
  );
  for (const table of tables) {
    await session.execute(`ANALYZE ${quoteQualifiedName(table)}`, 'analyzing the shadow');
  }
}
