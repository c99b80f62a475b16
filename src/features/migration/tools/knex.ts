import { quotedAfter, scripts } from '../../project/migration-tools.js';
import { firstFile, projectFiles } from '../../project/project-files.js';
import { isoTime, modelNames, placeHistoryTable, tableSql } from './history-table.js';
import { type NamedFile, type NamedRow, namedSource } from './named-source.js';
import { checksumOf, listFiles, readSource } from './source-files.js';
import { withoutComments } from './tool-config.js';
import type { OpenTool } from './tool-source.js';

const toolName = 'Knex';

/** What Knex loads, or can be told to load. */
const isMigration = (name: string): boolean =>
  /\.(?:co|coffee|eg|iced|js|cjs|mjs|litcoffee|ls|ts)$/.test(name);

/** Compiled, a file has another extension and is the same migration. */
const withoutExtension = (name: string): string => name.replace(/\.[^.]+$/, '');

/** Knex. Its migrations are programs, so that Belay has no SQL of them. */
export const openKnex: OpenTool = async ({ cwd, directory, session }) => {
  const knexfile = await firstFile(projectFiles(cwd), scripts('knexfile'));
  const text = withoutComments(knexfile?.text ?? '');
  const configured = quotedAfter('tableName', text);
  const table = await placeHistoryTable(
    {
      ...{ toolName, name: configured ?? 'knex_migrations' },
      ...{ schema: quotedAfter('schemaName', text), defaultSchema: 'public' },
      isUnmistakable: configured === undefined,
    },
    session,
  );
  const at = tableSql(table);
  const names = [table.name, `${table.name}_lock`];
  return namedSource({
    ...{ tool: 'knex', upCommand: 'npx knex migrate:latest', directory, table },
    ownRelations: await modelNames(table.schema, names, session),
    columns: { id: 'number', name: 'text', batch: 'number', migration_time: 'time' },
    readFiles: () => readPrograms(cwd, directory),
    readRows: async (reading, columns) => {
      const rows = await reading.query<NamedRow>(
        `SELECT id::text AS key, name AS whole, true AS "isFinished", NULL AS checksum,
                ${isoTime('migration_time', columns)} AS "appliedAt"
           FROM ${at} ORDER BY id`,
        [],
        'reading what Knex has applied',
      );
      return rows.map((row) => ({ ...row, whole: row.whole && withoutExtension(row.whole) }));
    },
    forget: async (forgetting, keys) => {
      await forgetting.query(
        `DELETE FROM ${at} WHERE id::text = ANY ($1)`,
        [keys],
        'taking migrations out of the record of Knex',
      );
    },
  });
};

async function readPrograms(cwd: string, directory: string | null): Promise<NamedFile[]> {
  if (directory === null) return [];
  const files: NamedFile[] = [];
  for (const name of (await listFiles(cwd, directory)).filter(isMigration).sort()) {
    const source = await readSource(cwd, `${directory}/${name}`);
    if (!source) continue;
    const checksum = checksumOf(source.bytes);
    files.push({ whole: withoutExtension(name), up: null, down: null, checksum });
  }
  return files;
}
