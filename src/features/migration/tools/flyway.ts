import { flywayVersion, flywayVersionKey } from '../../../domain/flyway-file.js';
import type { AppliedMigration } from '../../../domain/migration.js';
import { compareVersions } from '../../../domain/migration.js';
import type { Session } from '../../../postgres/session.js';
import { projectFiles } from '../../project/project-files.js';
import { readFlywayConfig } from './flyway-config.js';
import { type FlywayFile, readFlywayFiles } from './flyway-files.js';
import {
  type ColumnKind,
  damaged,
  type HistoryTable,
  isoTime,
  modelNames,
  placeHistoryTable,
  readColumns,
  tableSql,
} from './history-table.js';
import type { OpenTool } from './tool-source.js';

const toolName = 'Flyway';

const documented: Readonly<Record<string, ColumnKind>> = {
  ...{ installed_rank: 'number', version: 'text', description: 'text', type: 'text' },
  ...{ script: 'text', checksum: 'number', installed_on: 'time', success: 'boolean' },
};

interface Row {
  /** Null: repeatable, or no migration at all. */
  readonly version: string | null;
  readonly description: string;
  readonly type: string;
  readonly script: string;
  readonly checksum: string | null;
  readonly appliedAt: string | null;
  readonly success: boolean;
}

/**
 * Flyway. Undo scripts are ways down. Repeatable migrations have no version, and so are none; what a baseline covers
 * counts as applied with it.
 */
export const openFlyway: OpenTool = async ({ cwd, directory, session }) => {
  const configured = await readFlywayConfig(projectFiles(cwd));
  const table = await placeHistoryTable(
    {
      ...{ toolName, name: configured.table ?? 'flyway_schema_history', schema: configured.schema },
      ...{ defaultSchema: 'public', isUnmistakable: configured.table === undefined },
    },
    session,
  );
  const readFiles = () => readFlywayFiles(cwd, directory);
  return {
    ...{ tool: 'flyway', upCommand: 'flyway migrate', directory },
    ownRelations: await modelNames(table.schema, [table.name], session),
    readFiles: async () => (await readFiles()).map(({ migration }) => migration),
    hasRecord: async (reading) => (await readColumns(reading, table, {})) !== null,
    readApplied: async (reading) => {
      const rows = await readRows(reading, table);
      return rows && appliedOf(table, rows, await readFiles());
    },
    readUnfinished: async (reading) => {
      const rows = (await readRows(reading, table)) ?? [];
      return rows
        .filter(({ success }) => !success)
        .map(({ version, script, description }) => ({
          version: version === null ? script : flywayVersion(version),
          name: nameOf(description),
        }));
    },
    forget: (forgetting, versions) => forget(forgetting, table, versions),
  };
};

async function forget(
  session: Session,
  table: HistoryTable,
  versions: readonly string[],
): Promise<void> {
  const wanted = new Set(versions.map(flywayVersionKey));
  const rows = (await readRows(session, table)) ?? [];
  const recorded = rows.flatMap(({ version }) =>
    version !== null && wanted.has(flywayVersionKey(version)) ? [version] : [],
  );
  // A baseline is where Flyway found the database: it ran nothing that could have been taken back.
  await session.query(
    `DELETE FROM ${tableSql(table)} WHERE version = ANY ($1) AND type NOT LIKE '%BASELINE'`,
    [recorded],
    'taking migrations out of the record of Flyway',
  );
}

async function readRows(session: Session, table: HistoryTable): Promise<readonly Row[] | null> {
  const columns = await readColumns(session, table, documented);
  if (!columns) return null;
  return session.query<Row>(
    `SELECT version, description, type, script, checksum::text AS checksum, success,
            ${isoTime('installed_on', columns)} AS "appliedAt"
       FROM ${tableSql(table)} ORDER BY installed_rank`,
    [],
    'reading what Flyway has applied',
  );
}

/** As in a file's name. */
const nameOf = (description: string): string => description.trim().replaceAll(' ', '_');

/** What is in force after all rows, in the order in which it came. */
function appliedOf(
  table: HistoryTable,
  rows: readonly Row[],
  files: readonly FlywayFile[],
): AppliedMigration[] {
  const applied = new Map<string, AppliedMigration>();
  for (const row of rows) {
    if (row.success === null || !row.type)
      throw damaged(table, 'it has a row without "type" or "success"');
    if (!row.success || row.version === null) continue;
    const key = flywayVersionKey(row.version);
    if (row.type.endsWith('BASELINE')) {
      for (const migration of coveredBy(row, files)) {
        applied.set(flywayVersionKey(migration.version), migration);
      }
    } else if (row.type.startsWith('UNDO') || row.type === 'DELETE') applied.delete(key);
    else applied.set(key, appliedFrom(row, files));
  }
  return [...applied.values()];
}

const none = { checksum: null, up: null, down: null };

function appliedFrom(row: Row, files: readonly FlywayFile[]): AppliedMigration {
  const key = flywayVersionKey(row.version ?? '');
  const file = files.find(({ migration }) => flywayVersionKey(migration.version) === key);
  const isUnchanged = file !== undefined && String(file.crc) === row.checksum;
  return {
    ...none,
    version: file?.migration.version ?? flywayVersion(row.version ?? ''),
    name: file?.migration.name ?? nameOf(row.description),
    appliedAt: row.appliedAt,
    checksum: isUnchanged ? file.migration.checksum : row.checksum,
  };
}

/** What was there when Flyway came to the database: the files up to the baseline, which it never ran. */
function coveredBy(row: Row, files: readonly FlywayFile[]): AppliedMigration[] {
  const version = flywayVersion(row.version ?? '');
  const { appliedAt } = row;
  const covered = files
    .filter(({ migration }) => compareKeys(migration.version, version) <= 0)
    .map(({ migration: { version: covers, name } }) => ({
      ...none,
      version: covers,
      name,
      appliedAt,
    }));
  const isNamed = covered.some((one) => compareKeys(one.version, version) === 0);
  return isNamed ? covered : [...covered, { ...none, version, name: 'baseline', appliedAt }];
}

const compareKeys = (a: string, b: string): number =>
  compareVersions(flywayVersionKey(a), flywayVersionKey(b));
