import { type ProjectFiles, projectFiles } from '../../project/project-files.js';
import { isoTime, modelNames, placeHistoryTable, tableSql } from './history-table.js';
import { type NamedRow, namedSource } from './named-source.js';
import { readNodePgMigrateFiles } from './node-pg-migrate-files.js';
import type { OpenTool } from './tool-source.js';

const toolName = 'node-pg-migrate';

/** node-pg-migrate. */
export const openNodePgMigrate: OpenTool = async ({ cwd, directory, session }) => {
  const configured = await readConfig(projectFiles(cwd));
  const table = await placeHistoryTable(
    {
      ...{ toolName, name: configured.table ?? 'pgmigrations', schema: configured.schema },
      ...{ defaultSchema: 'public', isUnmistakable: configured.table === undefined },
    },
    session,
  );
  const at = tableSql(table);
  return namedSource({
    ...{ tool: 'node-pg-migrate', upCommand: 'npx node-pg-migrate up', directory, table },
    ownRelations: await modelNames(table.schema, [table.name], session),
    columns: { id: 'number', name: 'text', run_on: 'time' },
    readFiles: () => readNodePgMigrateFiles(cwd, directory),
    readRows: (reading, columns) =>
      reading.query<NamedRow>(
        `SELECT id::text AS key, name AS whole, true AS "isFinished", NULL AS checksum,
                ${isoTime('run_on', columns)} AS "appliedAt"
           FROM ${at} ORDER BY run_on, id`,
        [],
        'reading what node-pg-migrate has applied',
      ),
    forget: async (forgetting, keys) => {
      await forgetting.query(
        `DELETE FROM ${at} WHERE id::text = ANY ($1)`,
        [keys],
        'taking migrations out of the record of node-pg-migrate',
      );
    },
  });
};

/** Its options stand in the scripts of package.json, or in the section "db" of config/default.json. */
async function readConfig(files: ProjectFiles) {
  const scripts = Object.values(parseObject(await files.read('package.json')).scripts ?? {});
  const command = scripts.find((script) => /\bnode-pg-migrate\b/.test(String(script)));
  const option = (names: string) =>
    new RegExp(`(?:^|\\s)(?:${names})[=\\s]\\s*['"]?([^\\s'"-][^\\s'"]*)`).exec(
      String(command),
    )?.[1];
  const db = parseObject(await files.read('config/default.json')).db ?? {};
  const text = (key: string) => (typeof db[key] === 'string' ? db[key] : undefined);
  return {
    table: option('-t|--migrations-table') ?? text('migrations-table'),
    schema:
      option('--migrations-schema') ??
      text('migrations-schema') ??
      option('-s|--schema') ??
      text('schema'),
  };
}

function parseObject(json: string | undefined): Record<string, Record<string, unknown>> {
  try {
    return JSON.parse(json ?? '{}') ?? {};
  } catch {
    return {};
  }
}
