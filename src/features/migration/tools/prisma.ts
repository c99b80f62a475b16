import { isoTime, modelNames, placeHistoryTable, tableSql } from './history-table.js';
import { readMigrationFolders } from './migration-folders.js';
import { type NamedRow, namedSource } from './named-source.js';
import type { OpenTool } from './tool-source.js';

const toolName = 'Prisma';

/**
 * Prisma Migrate. Its table lies in the schema that the connection string names, else in "public". A migration that
 * failed has no `finished_at`; one that was resolved as rolled back, or that a rollback has taken back, a `rolled_back_at`.
 */
export const openPrisma: OpenTool = async ({ cwd, directory, session }) => {
  const table = await placeHistoryTable(
    {
      ...{ toolName, name: '_prisma_migrations', schema: undefined },
      ...{ defaultSchema: 'public', isUnmistakable: true },
    },
    session,
  );
  const at = tableSql(table);
  return namedSource({
    ...{ tool: 'prisma', upCommand: 'npx prisma migrate deploy', directory, table },
    ownRelations: await modelNames(table.schema, [table.name], session),
    columns: {
      id: 'text',
      ...{ migration_name: 'text', checksum: 'text', started_at: 'time' },
      ...{ finished_at: 'time', rolled_back_at: 'time' },
    },
    readFiles: () => readMigrationFolders(cwd, directory),
    readRows: (reading, columns) =>
      reading.query<NamedRow>(
        `SELECT id::text AS key, migration_name AS whole, finished_at IS NOT NULL AS "isFinished",
                ${isoTime('finished_at', columns)} AS "appliedAt", checksum
           FROM ${at} WHERE rolled_back_at IS NULL ORDER BY started_at, finished_at, migration_name`,
        [],
        'reading what Prisma has applied',
      ),
    forget: async (forgetting, keys) => {
      await forgetting.query(
        `UPDATE ${at} SET rolled_back_at = now() WHERE id::text = ANY ($1)`,
        [keys],
        'taking migrations out of the record of Prisma',
      );
    },
  });
};
