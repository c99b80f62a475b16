import { readVariables } from '../../../config/variables.js';
import { splitSections } from '../../../domain/script-sections.js';
import { modelNames, placeHistoryTable, tableSql } from './history-table.js';
import { type NamedFile, namedSource } from './named-source.js';
import { checksumOf, listFiles, readSource, type SourceFile, wayDown } from './source-files.js';
import type { OpenTool } from './tool-source.js';

const toolName = 'dbmate';

const markers = {
  up: /^--\s*migrate:up(?:\s*$|\s+\S+)/m,
  down: /^--\s*migrate:down(?:\s*$|\s+\S+)/m,
};

/** dbmate. Its table has nothing but versions; Rails has one of the same name, so it is looked for in one place only. */
export const openDbmate: OpenTool = async ({ cwd, env, directory, session }) => {
  const configured = (await readVariables(cwd, env))('DBMATE_MIGRATIONS_TABLE')?.value;
  const parts = (configured ?? 'schema_migrations').split('.');
  const [name = 'schema_migrations', schema] = parts.reverse();
  const table = await placeHistoryTable(
    { toolName, name, schema, defaultSchema: 'public', isUnmistakable: false },
    session,
  );
  const at = tableSql(table);
  return namedSource({
    ...{ tool: 'dbmate', upCommand: 'dbmate up', directory, table },
    ownRelations: await modelNames(table.schema, [table.name], session),
    columns: { version: 'text' },
    readFiles: () => readDbmateFiles(cwd, directory),
    readRows: async (reading, _columns, files) => {
      const rows = await reading.query<{ version: string }>(
        `SELECT version FROM ${at} ORDER BY version COLLATE "C"`,
        [],
        'reading what dbmate has applied',
      );
      return rows.map(({ version }) => ({
        whole: files.find(({ whole }) => versionOf(whole) === version)?.whole ?? version,
        key: version,
        ...{ isFinished: true, appliedAt: null, checksum: null },
      }));
    },
    forget: async (forgetting, keys) => {
      await forgetting.query(
        `DELETE FROM ${at} WHERE version = ANY ($1)`,
        [keys],
        'taking migrations out of the record of dbmate',
      );
    },
  });
};

const versionOf = (whole: string): string => /^\d+/.exec(whole)?.[0] ?? whole;

async function readDbmateFiles(cwd: string, directory: string | null): Promise<NamedFile[]> {
  if (directory === null) return [];
  const files: NamedFile[] = [];
  const names = (await listFiles(cwd, directory)).filter((name) => /^\d.*\.sql$/.test(name));
  for (const name of names.sort()) {
    const source = await readSource(cwd, `${directory}/${name}`);
    if (source) files.push({ whole: name.replace(/\.sql$/, ''), ...scriptsOf(source) });
  }
  return files;
}

function scriptsOf({ file, text, bytes }: SourceFile): Omit<NamedFile, 'whole'> {
  const sections = splitSections(text, markers);
  const script = (section: typeof sections.up) =>
    section && {
      ...{ file, line: section.line, sql: section.sql },
      inTransaction: !/\btransaction:false\b/.test(section.marker),
    };
  const up = script(sections.up) ?? null;
  return { up, down: wayDown(script(sections.down)), checksum: checksumOf(up?.sql ?? bytes) };
}
