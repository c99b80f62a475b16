import type { Session } from '../../../postgres/session.js';
import { quotedAfter, scripts } from '../../project/migration-tools.js';
import { firstFile, projectFiles } from '../../project/project-files.js';
import { type DrizzleFile, fileOfRow, readDrizzleFiles } from './drizzle-files.js';
import {
  type FoundColumns,
  type HistoryTable,
  isoTime,
  modelNames,
  placeHistoryTable,
  tableSql,
} from './history-table.js';
import { namedSource } from './named-source.js';
import { withoutComments } from './tool-config.js';
import type { OpenTool } from './tool-source.js';

const toolName = 'Drizzle';
const ownSchema = 'drizzle';

interface Row {
  readonly id: string;
  readonly hash: string | null;
  readonly millis: string | null;
  readonly name: string | null;
  readonly appliedAt: string | null;
}

/** Older versions of Drizzle keep neither a name nor when a migration was applied. */
function rowsSql(at: string, columns: FoundColumns): string {
  const name = columns.has('name') ? 'name' : 'NULL';
  const appliedAt = columns.has('applied_at') ? isoTime('applied_at', columns) : 'NULL';
  return `SELECT id::text AS id, hash, created_at::text AS millis, ${name} AS name, ${appliedAt} AS "appliedAt"
            FROM ${at} ORDER BY created_at, id`;
}

/** Drizzle. Its `created_at` is when the migration was generated, not when it was applied. */
export const openDrizzle: OpenTool = async ({ cwd, directory, session }) => {
  const configured = await readConfig(cwd);
  const table = await placeHistoryTable(
    {
      ...{ toolName, name: configured.table ?? '__drizzle_migrations', schema: configured.schema },
      ...{ defaultSchema: ownSchema, isUnmistakable: configured.table === undefined },
    },
    session,
  );
  const at = tableSql(table);
  const ownRelations = await modelNames(table.schema, [table.name], session);
  const readFiles = () => readDrizzleFiles(cwd, directory);
  return namedSource<DrizzleFile>({
    ...{ tool: 'drizzle', upCommand: 'npx drizzle-kit migrate', directory, table, readFiles },
    ownRelations: (await isSchemaOwn(table, session)) ? [ownSchema, ...ownRelations] : ownRelations,
    columns: { id: 'number', hash: 'text', created_at: 'number' },
    readRows: async (reading, columns, files) => {
      const rows = await reading.query<Row>(
        rowsSql(at, columns),
        [],
        'reading what Drizzle has applied',
      );
      return rows.map((row) => ({
        // Whose file is gone is known by what is left of it.
        whole: fileOfRow(row, files)?.whole ?? row.name ?? row.millis,
        key: row.id,
        ...{ isFinished: true, appliedAt: row.appliedAt, checksum: row.hash },
      }));
    },
    forget: async (forgetting, keys) => {
      await forgetting.query(
        `DELETE FROM ${at} WHERE id::text = ANY ($1)`,
        [keys],
        'taking migrations out of the record of Drizzle',
      );
    },
  });
};

/** Drizzle makes the schema that has its name. Any other is the project's, and so is one that holds more. */
async function isSchemaOwn({ schema, name }: HistoryTable, session: Session | undefined) {
  if (schema !== ownSchema || !session) return schema === ownSchema;
  const others = await session.query(
    `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relname <> $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') LIMIT 1`,
    [schema, name],
  );
  return others.length === 0;
}

async function readConfig(cwd: string) {
  const names = [...scripts('drizzle.config'), 'drizzle.config.json'];
  const text = withoutComments((await firstFile(projectFiles(cwd), names))?.text ?? '');
  const block = /\bmigrations['"]?\s*:\s*\{([^}]*)\}/.exec(text)?.[1] ?? '';
  return { table: quotedAfter('table', block), schema: quotedAfter('schema', block) };
}
